"""The suite `shards`, on a table so small that its figures mean nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Settings, Training
from petafit.errors import ConfigurationError
from petafit_benchmark import figures, suite
from petafit_benchmark.contender import Spec
from petafit_benchmark.contenders import petafit_many_shards, petafit_memory
from petafit_benchmark.generated import clicks_table
from petafit_benchmark.process import Failure
from petafit_benchmark.suite import Bench
from petafit_benchmark.suites import shards
from petafit_benchmark.trial import Judged
from tests.benchmark.made import trained
from tests.benchmark.test_merging import Silent

ROWS = 2_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def bench_in(data: Path, folder: Path, *chosen: str, rows: int = ROWS) -> Bench:
    settings = Settings(task="shards", engine="local", table="none", label="click")
    return Bench(settings, data, folder, rows, Silent(), chosen)


def spec_of(data: Path, count: int) -> Spec:
    settings = Settings(task="shards", engine="local", table="none", label="click")
    return shards.spec_of(clicks_table(data, settings, rows=ROWS), count)


def test_every_shard_has_a_file_and_rows_to_put_aside(data: Path) -> None:
    spec = spec_of(data, 10)
    counts = [pq.read_metadata(file).num_rows for file in spec.files]
    assert counts == [shards.SHARD_ROWS] * 10
    assert sum(counts) == spec.rows
    training = Training.model_validate(spec.training)
    assert training.shards == 10
    assert training.batch_rows * 2 <= shards.SHARD_ROWS


def test_the_default_rows_are_enough_for_all_counts_and_no_more() -> None:
    assert shards.counts_within(shards.ROWS) == {
        "shards_10": 10,
        "shards_100": 100,
        "shards_1000": 1_000,
        "shards_10000": 10_000,
    }
    assert list(shards.counts_within(shards.QUICK_ROWS)) == [
        "shards_10",
        "shards_100",
        "shards_1000",
    ]


def test_what_is_held_is_told_beside_the_speed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = trained(
        rows=1_800,
        figures={
            "driver_peak_memory_bytes": 650e6,
            "jvm_heap_bytes": 61e6,
            "run_folder_peak_bytes": 12e6,
        },
    )
    asked: list[Spec] = []

    def judged(name: str, specs: list[Spec], **_: Any) -> Judged:
        assert name == shards.MEASURED
        asked.extend(specs)
        return Judged([(measured, None)], 10**9)

    monkeypatch.setattr(suite, "run_and_judge", judged)
    bench = bench_in(data, tmp_path)
    (result,) = shards.run(bench)
    assert (result.contender, result.rows, result.peak_memory_bytes) == ("shards_10", 1_800, 10**9)
    assert result.table == bench.tables["shards"]["name"]
    assert asked[0].training["shards"] == 10
    assert figures.remarks(result) == "driver 650 MB, JVM heap 61 MB, run folder 12 MB"


def test_one_that_fails_says_why(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "run_and_judge", lambda *_, **__: Failure("failed", "no luck"))
    (result,) = shards.run(bench_in(data, tmp_path, "shards_10"))
    assert (result.status, result.error) == ("failed", "no luck")


@pytest.mark.parametrize("name", ["shards_7", "shards_10000"])
def test_shards_that_the_rows_do_not_give_are_refused(
    data: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"no '{name}' on 2,000 rows"):
        list(shards.run(bench_in(data, tmp_path, name)))


def test_too_few_rows_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--rows 2000"):
        list(shards.run(bench_in(data, tmp_path, rows=1_000)))


def test_shards_are_trained_and_what_is_held_is_measured(
    data: Path, tmp_path: Path, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(petafit_memory, "HASH_BITS", 12)
    spec = replace(spec_of(data, 10), work=str(tmp_path), cores=2)
    trained = petafit_many_shards.train(spec)
    assert trained.rows == 1_800
    assert trained.predictions is not None
    assert np.load(trained.predictions).shape == (200,)
    assert trained.figures.keys() >= figures.HELD.keys()
    assert trained.figures["jvm_heap_bytes"] > 10_000_000
    assert trained.figures["driver_peak_memory_bytes"] > 50_000_000
    assert trained.figures["run_folder_peak_bytes"] > 1_000
