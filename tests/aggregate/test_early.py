"""Merging while shards are still worked on."""

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from petafit.aggregate import early
from petafit.aggregate.early import merging_early
from petafit.aggregate.work import Work, aggregate_shard
from petafit.errors import ContractError, StorageError
from petafit.store.arrays import Named
from petafit.store.filesystem import Folder
from tests.aggregate.toys import Lists, Total, lists

SHARDS = 4
SOURCE = lists([[[float(number)]] for number in range(SHARDS)])


class Order(Total):
    """The shards' sums, in the order in which they were merged."""

    def lift(self, state: Named) -> Named:
        return Named(params={"order": [float(state.arrays["total"][0])]})

    def merge(self, left: Named, right: Named) -> Named:
        return Named(params={"order": left.params["order"] + right.params["order"]})


def work_in(tmp_path: Path, aggregator: Total) -> Work:
    return Work(aggregator, Folder(tmp_path), shards=SHARDS)


def do(work: Work, source: Lists, shards: Sequence[int]) -> None:
    for shard in shards:
        aggregate_shard(work, shard, partial(source.read, shard))


def test_shards_are_merged_in_their_order_whenever_they_are_done(tmp_path: Path) -> None:
    work = work_in(tmp_path, Order())
    with merging_early(work) as merged:
        do(work, SOURCE, [3, 1, 0, 2])
    assert merged().params["order"] == [0.0, 1.0, 2.0, 3.0]


def test_the_first_are_merged_before_the_last_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_are_merged = threading.Event()

    class Telling(Order):
        def merge(self, left: Named, right: Named) -> Named:
            two_are_merged.set()
            return super().merge(left, right)

    monkeypatch.setattr(early, "_LOOK_SECONDS", 0.001)
    work = work_in(tmp_path, Telling())
    with merging_early(work) as merged:
        do(work, SOURCE, [0, 1])
        assert two_are_merged.wait(30)
        do(work, SOURCE, [2, 3])
    assert merged().params["order"] == [0.0, 1.0, 2.0, 3.0]


def test_a_failure_ends_it(tmp_path: Path) -> None:
    work = work_in(tmp_path, Total())

    def fail() -> None:
        with merging_early(work):
            do(work, SOURCE, [0])
            do(work, lists(SOURCE.data, broken=True), [1])

    with pytest.raises(ContractError, match="broken"):
        fail()
    assert all(not thread.name.startswith("merge") for thread in threading.enumerate())


def test_a_damaged_summary_is_refused(tmp_path: Path) -> None:
    work = work_in(tmp_path, Total())
    with merging_early(work) as merged:
        do(work, SOURCE, [3, 2, 1])
        (tmp_path / "summary-000002.npz").write_bytes(b"something else")
        do(work, SOURCE, [0])
    with pytest.raises(StorageError, match="is not what was written"):
        merged()
