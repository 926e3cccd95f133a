"""Merging while shards are still worked on."""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from petafit.aggregate import merge_early
from petafit.aggregate.merge_early import merged_meanwhile
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
    reports, merged = merged_meanwhile(task, lambda: do(task, SOURCE, [3, 1, 0, 2]))
    assert [report.shard for report in reports] == [*range(SHARDS)]
    assert merged == StateDict(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_the_first_are_merged_before_the_last_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_are_merged = threading.Event()

    class Telling(Order):
        def merge(self, left: StateDict, right: StateDict) -> StateDict:
            two_are_merged.set()
            return super().merge(left, right)

    def aggregate() -> list[ShardReport]:
        first = do(task, SOURCE, [0, 1])
        assert two_are_merged.wait(30)
        return first + do(task, SOURCE, [2, 3])

    monkeypatch.setattr(merge_early, "_LOOK_SECONDS", 0.001)
    task = work_in(tmp_path, Telling())
    assert merged_meanwhile(task, aggregate)[1] == StateDict(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_shards_whose_reports_show_late_are_merged_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a shared disk that remembers what was not there, or is slow to answer."""

    def finds_nothing(folder: Folder, shard: int) -> ShardReport | None:
        found = find_report(folder, shard) if shard == 0 else None
        time.sleep(0.02)
        return found

    monkeypatch.setattr(merge_early, "find_report", finds_nothing)
    task = work_in(tmp_path, Order())
    merged = merged_meanwhile(task, lambda: do(task, SOURCE, [*range(SHARDS)]))[1]
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
        merged_meanwhile(task, aggregate)
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
        reports, merged = merged_meanwhile(task, aggregate)
    assert merged is None
    assert len(reports) == SHARDS
    assert "is not what was written" in caplog.text
