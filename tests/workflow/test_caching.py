"""Later rounds from the instance cache: the same model, without decoding again."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from petafit.aggregate.local import LocalEngine
from petafit.config.settings import Settings
from petafit.errors import StorageError
from petafit.features.cache import InstanceCache
from petafit.models.store import ModelStore
from petafit.stream.direct import DirectSource
from petafit.training.loop import TrainingLoop
from petafit.workflow.train import train
from tests.small import with_settings


@pytest.fixture
def cached(settings: Settings, tmp_path: Path) -> Settings:
    return with_settings(
        settings,
        paths={"cache": str(tmp_path / "local")},
        contract={"max_bad_share": 0.5, "columns": {"speed": {"max": 120}}},
        training={"rounds": 3, "parts": 2, "cache": "100MB"},
    )


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The shards of which pieces are read for training."""
    shards: list[int] = []
    read = DirectSource.read

    def noted(self: DirectSource, shard: int, **options: Any) -> Iterator[pa.RecordBatch]:
        if "city" in self.schema.names and "tally" in options:  # a pass over the training rows
            shards.append(shard)  # once the first batch is wanted, as what is cached is not read
        yield from read(self, shard, **options)

    monkeypatch.setattr(DirectSource, "read", noted)
    return shards


def digest(settings: Settings, **changes: Any) -> str:
    return str(train(with_settings(settings, **changes)).manifest["model"]["digest"])


def left_behind(settings: Settings) -> list[Path]:
    return [path for path in Path(str(settings.paths.cache)).rglob("*") if path.is_file()]


def test_a_table_is_decoded_once(cached: Settings, reads: list[int]) -> None:
    with_cache = digest(cached)
    once = [0, 1, 2] * 4  # two parts, each of two pieces
    assert sorted(reads) == sorted(once)
    assert left_behind(cached) == []
    reads.clear()
    assert digest(cached, training={"cache": None}) == with_cache
    assert sorted(reads) == sorted(once * 3)


def test_rows_that_do_not_fit_the_cache_are_decoded_again(
    cached: Settings, reads: list[int]
) -> None:
    small = digest(cached, training={"cache": "100KB"})
    assert len(reads) > 12
    assert digest(cached, training={"cache": None}) == small


@pytest.mark.parametrize(("rounds", "kept"), [(1, 0), (2, 12)])
def test_only_rows_that_are_read_again_are_cached(
    cached: Settings, monkeypatch: pytest.MonkeyPatch, rounds: int, kept: int
) -> None:
    keep, pieces = InstanceCache.keep, set()

    def noted(self: InstanceCache, shard: int, piece: int, batches: Any) -> Any:
        pieces.add((shard, piece))
        return keep(self, shard, piece, batches)

    monkeypatch.setattr(InstanceCache, "keep", noted)
    train(with_settings(cached, training={"rounds": rounds}))
    assert len(pieces) == kept


def test_it_goes_after_a_failure_too(cached: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    finish, kept = TrainingLoop.run, []

    def fails(*args: Any, **options: Any) -> None:
        finish(*args, **options)
        kept.extend(left_behind(cached))
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingLoop, "run", fails)
    with pytest.raises(KeyboardInterrupt):
        train(cached)
    assert len(kept) == 12
    assert left_behind(cached) == []


def test_an_error_is_not_hidden_by_one_of_removing_the_cache(
    cached: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    def unreachable(*_: Any) -> None:
        raise StorageError("The workers are out of reach")

    monkeypatch.setattr(TrainingLoop, "run", fails)
    monkeypatch.setattr(LocalEngine, "everywhere", unreachable)
    with pytest.raises(ZeroDivisionError):
        train(cached)
    assert "The workers are out of reach" in caplog.text


@pytest.mark.spark
def test_spark_gives_the_same_bytes_from_the_cache(cached: Settings, spark: Any) -> None:
    local = digest(cached)
    on_spark = with_settings(cached, engine="spark")
    assert train(on_spark, spark=spark).manifest["model"]["digest"] == local
    assert left_behind(cached) == []
    assert len(ModelStore(cached.paths.models).list()) == 2


@pytest.mark.spark
def test_rows_of_a_scan_are_not_kept(
    cached: Settings, spark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="petafit"):
        train(with_settings(cached, engine="spark", stream="scan"), spark=spark)
    assert "training.cache is not used" in caplog.text
