"""The cache of encoded batches: unchanged rows, bounded size, removal at the end."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from petafit.features.cache import InstanceCache
from petafit.features.encoding.batch import Batch

N_FEATURES = 50


def sparse(rows: int, seed: int = 0, dtype: str = "float32") -> csr_array:
    drawn = np.random.default_rng(seed).random((rows, N_FEATURES))
    return csr_array(np.where(drawn < 0.1, drawn, 0).astype(dtype))


def batch(rows: int = 30, seed: int = 0) -> Batch:
    return Batch(sparse(rows, seed), np.arange(rows, dtype=np.float64))


def same(left: Batch, right: Batch) -> bool:
    np.testing.assert_array_equal(as_dense(left.X), as_dense(right.X))
    assert left.X.dtype == right.X.dtype
    for mine, other in ((left.y, right.y), (left.weight, right.weight)):
        assert (mine is None) == (other is None)
        np.testing.assert_array_equal(mine, other)
    return (left.quarantined, left.example) == (right.quarantined, right.example)


def as_dense(X: csr_array | np.ndarray) -> np.ndarray:
    return X if isinstance(X, np.ndarray) else X.toarray()


def cache_in(folder: Path, limit: int = 1 << 30) -> InstanceCache:
    return InstanceCache("run", limit, str(folder))


def files(cache: InstanceCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()}


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    dense=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
    weighted=st.booleans(),
    quarantined=st.integers(0, 3),
)
def test_cached_rows_are_read_to_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    dense: bool,
    dtype: str,
    weighted: bool,
    quarantined: int,
) -> None:
    def made(rows: int, seed: int) -> Batch:
        X = sparse(rows, seed, dtype)
        return Batch(
            X.toarray() if dense else X,
            np.arange(rows) / 3,
            np.arange(rows) / 7 if weighted else None,
            quarantined=quarantined,
            example="speed is 131, above 130" if quarantined else None,
        )

    batches = [made(rows, seed) for seed, rows in enumerate(sizes)]
    cache = cache_in(tmp_path_factory.mktemp("cache"))
    assert all(map(same, cache.keep(0, 0, iter(batches)), batches))
    found = cache.find(0, 0)
    assert found is not None
    assert all(map(same, found, batches))


def test_an_index_that_occurs_twice_in_a_row_stays_as_it_is(tmp_path: Path) -> None:
    X = csr_array((np.float32([1, 2]), np.int32([7, 7]), np.int32([0, 2])), shape=(1, N_FEATURES))
    cache = cache_in(tmp_path)
    list(cache.keep(0, 0, iter([Batch(X)])))
    assert next(cache.find(0, 0) or iter(())).X.indices.tolist() == [7, 7]


def test_nothing_is_found_before_a_shard_was_read_to_its_end(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    reading = cache.keep(0, 0, iter([batch(), batch()]))
    next(reading)
    assert cache.find(0, 0) is None
    assert isinstance(reading, Iterator)
    reading.close()  # type: ignore[attr-defined]
    assert files(cache) == set()


def test_a_shard_that_does_not_fit_is_not_kept_and_not_tried_again(tmp_path: Path) -> None:
    cache = cache_in(tmp_path, limit=30_000)
    few, many = [batch()], [batch(seed=seed) for seed in range(50)]
    assert len(list(cache.keep(0, 0, iter(few)))) == 1
    for _ in range(2):
        assert len(list(cache.keep(1, 0, iter(many)))) == 50
    assert files(cache) == {"shard-000000-00.arrow", "shard-000001-00.skipped"}


def test_two_tasks_on_one_shard_do_not_disturb_each_other(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    tasks = [cache.keep(0, 0, iter([batch(seed=1), batch(seed=2)])) for _ in range(2)]
    for _ in range(2):
        for task in tasks:
            next(task)
    assert [next(task, None) for task in tasks] == [None, None]
    assert files(cache) == {"shard-000000-00.arrow"}


def test_a_damaged_file_is_left_out(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    list(cache.keep(0, 0, iter([batch(300)])))
    path = cache.folder / "shard-000000-00.arrow"
    path.write_bytes(path.read_bytes()[:2000])
    assert cache.find(0, 0) is None
    assert not path.exists()


def test_files_of_a_killed_run_are_removed_by_the_next(tmp_path: Path) -> None:
    old, young = (InstanceCache(name, 1 << 20, str(tmp_path)) for name in ("old", "young"))
    for cache in (old, young):
        list(cache.keep(0, 0, iter([batch()])))
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old.folder, (long_ago, long_ago))
    list(cache_in(tmp_path).keep(0, 0, iter([batch()])))
    assert not old.folder.exists()
    assert young.folder.exists()


def test_a_run_that_takes_longer_than_a_day_keeps_its_cache(tmp_path: Path) -> None:
    mine, other = (InstanceCache(name, 1 << 20, str(tmp_path)) for name in ("mine", "other"))
    long_ago = time.time() - 2 * 24 * 3600
    list(mine.keep(0, 0, iter([batch()])))
    os.utime(mine.folder, (long_ago, long_ago))
    list(mine.keep(1, 0, iter([batch()])))  # its own next file
    assert mine.find(0, 0) is not None
    os.utime(mine.folder, (long_ago, long_ago))
    assert mine.find(0, 0) is not None  # a later pass, which reads only
    list(other.keep(0, 0, iter([batch()])))
    assert mine.find(1, 0) is not None


def test_files_are_looked_at_a_bounded_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looks.append(path) or scan(path))
    size = _size_of(cache_in(tmp_path / "one", 1 << 30))
    cache = cache_in(tmp_path / "many", 150 * size)
    for shard in range(300):
        list(cache.keep(shard, 0, iter([batch(300)])))
    assert len(looks) < 2 * 64
    kept = sum(path.suffix == ".arrow" for path in cache.folder.iterdir())
    assert 140 <= kept <= 150


def _size_of(cache: InstanceCache) -> int:
    list(cache.keep(0, 0, iter([batch(300)])))
    return (cache.folder / "shard-000000-00.arrow").stat().st_size


def test_it_is_removed(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    list(cache.keep(0, 0, iter([batch()])))
    cache.remove()
    assert not cache.folder.exists()
    cache.remove()


def test_on_an_executor_the_cache_is_in_sparks_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path},/elsewhere")
    assert InstanceCache("run", 1).folder == tmp_path / "petafit-cache" / "run"
