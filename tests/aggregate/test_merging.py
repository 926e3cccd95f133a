"""Merging on the driver: while shards are still worked on, reading ahead of what is merged."""

import gc
import logging
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.aggregate import merging
from petafit.aggregate.merging import merge_meanwhile, read_ahead
from petafit.aggregate.pass_files import ShardReport, find_report
from petafit.aggregate.shard_task import ShardTask, aggregate_shard
from petafit.errors import ContractError
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from tests.aggregate.toys import Lists, Total, lists

SHARDS = 4
SOURCE = lists([[[float(number)]] for number in range(SHARDS)])


class Order(Total):
    """The shards' sums, in the order in which they were merged."""

    def lift(self, state: StateDict) -> StateDict:
        return StateDict(params={"order": [float(state.arrays["total"][0])]})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return StateDict(params={"order": left.params["order"] + right.params["order"]})


def work_in(tmp_path: Path, aggregator: Total) -> ShardTask:
    return ShardTask(aggregator, Folder(tmp_path), shards=SHARDS)


def do(task: ShardTask, source: Lists, shards: Sequence[int]) -> list[ShardReport]:
    reports = [aggregate_shard(task, shard, source) for shard in shards]
    return sorted(reports, key=lambda report: report.shard)


def test_shards_are_merged_in_their_order_whenever_they_are_done(tmp_path: Path) -> None:
    task = work_in(tmp_path, Order())
    reports, merged = merge_meanwhile(task, lambda: do(task, SOURCE, [3, 1, 0, 2]))
    assert [report.shard for report in reports] == [*range(SHARDS)]
    assert merged == StateDict(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_the_first_are_merged_before_the_last_is_done(tmp_path: Path) -> None:
    two_are_merged = threading.Event()

    class Telling(Order):
        def merge(self, left: StateDict, right: StateDict) -> StateDict:
            two_are_merged.set()
            return super().merge(left, right)

    def aggregate() -> list[ShardReport]:
        first = do(task, SOURCE, [0, 1])
        assert two_are_merged.wait(30)
        return first + do(task, SOURCE, [2, 3])

    task = work_in(tmp_path, Telling())
    assert merge_meanwhile(task, aggregate)[1] == StateDict(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_shards_whose_reports_show_late_are_merged_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a shared disk that remembers what was not there, or is slow to answer."""

    def finds_nothing(folder: Folder, shard: int) -> ShardReport | None:
        found = find_report(folder, shard) if shard == 0 else None
        time.sleep(0.02)
        return found

    monkeypatch.setattr(merging, "find_report", finds_nothing)
    task = work_in(tmp_path, Order())
    merged = merge_meanwhile(task, lambda: do(task, SOURCE, [*range(SHARDS)]))[1]
    assert merged == StateDict(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_a_failure_ends_merging(tmp_path: Path) -> None:
    merges = []

    class Counting(Order):
        def merge(self, left: StateDict, right: StateDict) -> StateDict:
            merges.append(threading.current_thread().name)
            return super().merge(left, right)

    def aggregate() -> list[ShardReport]:
        do(task, lists(SOURCE.data, broken=True), [0])
        return do(task, SOURCE, [1, 2, 3])

    task = work_in(tmp_path, Counting())
    with pytest.raises(ContractError, match="broken"):
        merge_meanwhile(task, aggregate)
    assert not merges
    assert all(not thread.name.startswith("merge") for thread in threading.enumerate())


def test_unreadable_summaries_are_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = work_in(tmp_path, Total())

    def aggregate() -> list[ShardReport]:
        last = do(task, SOURCE, [1, 2, 3])
        (tmp_path / "summary-000002.npz").write_bytes(b"something else")
        return do(task, SOURCE, [0]) + last

    with caplog.at_level(logging.INFO, "petafit"):
        reports, merged = merge_meanwhile(task, aggregate)
    assert merged is None
    assert len(reports) == SHARDS
    assert "is not what was written" in caplog.text


class Thing:
    """Something that can be held weakly."""


@given(st.lists(st.integers() | st.none()))
def test_items_arrive_unchanged_and_in_order(items: list[int | None]) -> None:
    assert list(read_ahead(items)) == items


def test_the_next_item_is_made_while_one_is_in_use() -> None:
    made = [threading.Event() for _ in range(3)]

    def make() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in read_ahead(make()):
        assert all(event.wait(10) for event in made[: number + 2])


def test_an_error_comes_after_the_items_before_it() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("the second cannot be made")

    items = read_ahead(make())
    assert next(items) == 1
    with pytest.raises(ValueError, match="second"):
        next(items)


def test_consumed_items_are_released() -> None:
    held: list[weakref.ref[Thing]] = []

    def make() -> Iterator[Thing]:
        for _ in range(3):
            thing = Thing()
            held.append(weakref.ref(thing))
            yield thing
            del thing

    things = read_ahead(make())
    first = next(things)
    next(things)
    del first
    gc.collect()
    assert held[0]() is None
