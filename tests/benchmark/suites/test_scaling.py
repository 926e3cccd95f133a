"""The suite `shards`, on a table too small for meaningful figures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Settings, Training
from petafit.errors import ConfigurationError
from petafit_benchmark import formatting, suite
from petafit_benchmark.contender import Spec
from petafit_benchmark.contenders.petafit_shards import train_many
from petafit_benchmark.process import Failure
from petafit_benchmark.runner import Trial
from petafit_benchmark.suite import Bench
from petafit_benchmark.suites import scaling
from petafit_benchmark.table import clicks_table
from tests.benchmark.examples import contender_run
from tests.benchmark.suites.test_merging import Silent

ROWS = 2_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def bench_in(data: Path, folder: Path, *chosen: str, rows: int = ROWS) -> Bench:
    settings = Settings(task="shards", engine="local", table="none", label="click")
    return Bench(settings, data, folder, rows, Silent(), chosen)


def spec_of(data: Path, count: int) -> Spec:
    settings = Settings(task="shards", engine="local", table="none", label="click")
    return scaling.spec_of(clicks_table(data, settings, rows=ROWS), count)


def test_every_shard_has_a_file_and_rows_for_the_merge_holdout(data: Path) -> None:
    spec = spec_of(data, 10)
    counts = [pq.read_metadata(file).num_rows for file in spec.files]
    assert counts == [scaling.SHARD_ROWS] * 10
    assert sum(counts) == spec.rows
    training = Training.model_validate(spec.training)
    assert training.shards == 10
    assert training.batch_rows * 2 <= scaling.SHARD_ROWS


def test_the_default_rows_are_enough_for_all_counts_and_no_more() -> None:
    assert scaling.counts_within(scaling.SHARDS.rows) == {
        "shards_10": 10,
        "shards_100": 100,
        "shards_1000": 1_000,
        "shards_10000": 10_000,
    }
    assert list(scaling.counts_within(scaling.SHARDS.quick_rows)) == [
        "shards_10",
        "shards_100",
        "shards_1000",
    ]


def test_memory_is_reported_with_the_speed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = contender_run(
        rows=1_800,
        figures={
            "driver_peak_memory_bytes": 650e6,
            "jvm_heap_bytes": 61e6,
            "run_folder_peak_bytes": 12e6,
        },
    )
    asked: list[Spec] = []

    def trial(name: str, specs: list[Spec], **_: Any) -> Trial:
        assert name == scaling.SHARDED
        asked.extend(specs)
        return Trial([(measured, None)], 10**9)

    monkeypatch.setattr(suite, "run_trial", trial)
    bench = bench_in(data, tmp_path)
    (result,) = scaling.run_shards(bench)
    assert (result.contender, result.rows, result.peak_memory_bytes) == ("shards_10", 1_800, 10**9)
    assert result.table == bench.tables["shards"]["name"]
    assert asked[0].training["shards"] == 10
    assert formatting.remarks(result) == "driver 650 MB, JVM heap 61 MB, run folder 12 MB"


def test_one_that_fails_says_why(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "run_trial", lambda *_, **__: Failure("failed", "no luck"))
    (result,) = scaling.run_shards(bench_in(data, tmp_path, "shards_10"))
    assert (result.status, result.error) == ("failed", "no luck")


@pytest.mark.parametrize("name", ["shards_7", "shards_10000"])
def test_numbers_of_shards_beyond_the_rows_are_refused(
    data: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"no '{name}' on 2,000 rows"):
        list(scaling.run_shards(bench_in(data, tmp_path, name)))


def test_too_few_rows_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--rows 2000"):
        list(scaling.run_shards(bench_in(data, tmp_path, rows=1_000)))


def test_shards_are_trained_and_their_memory_is_measured(
    data: Path, tmp_path: Path, spark: Any
) -> None:
    spec = replace(spec_of(data, 10), work=str(tmp_path), cores=2)
    trained = train_many(spec, hash_bits=12)
    assert trained.rows == 1_800
    assert trained.predictions is not None
    assert np.load(trained.predictions).shape == (200,)
    assert trained.figures.keys() >= formatting.MEMORY_FIGURES.keys()
    assert trained.figures["jvm_heap_bytes"] > 10_000_000
    assert trained.figures["driver_peak_memory_bytes"] > 50_000_000
    assert trained.figures["run_folder_peak_bytes"] > 1_000
