"""Merging while shards are still worked on."""

import logging
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from petafit.aggregate import early
from petafit.aggregate.early import merged_meanwhile
from petafit.aggregate.pass_files import ShardReport, find_report
from petafit.aggregate.work import Work, aggregate_shard
from petafit.errors import ContractError
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


def do(work: Work, source: Lists, shards: Sequence[int]) -> list[ShardReport]:
    reports = [aggregate_shard(work, shard, partial(source.read, shard)) for shard in shards]
    return sorted(reports, key=lambda report: report.shard)


def test_shards_are_merged_in_their_order_whenever_they_are_done(tmp_path: Path) -> None:
    work = work_in(tmp_path, Order())
    reports, merged = merged_meanwhile(work, lambda: do(work, SOURCE, [3, 1, 0, 2]))
    assert [report.shard for report in reports] == [*range(SHARDS)]
    assert merged == Named(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_the_first_are_merged_before_the_last_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_are_merged = threading.Event()

    class Telling(Order):
        def merge(self, left: Named, right: Named) -> Named:
            two_are_merged.set()
            return super().merge(left, right)

    def aggregate() -> list[ShardReport]:
        first = do(work, SOURCE, [0, 1])
        assert two_are_merged.wait(30)
        return first + do(work, SOURCE, [2, 3])

    monkeypatch.setattr(early, "_LOOK_SECONDS", 0.001)
    work = work_in(tmp_path, Telling())
    assert merged_meanwhile(work, aggregate)[1] == Named(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_shards_whose_reports_show_late_are_merged_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a shared disk that remembers what was not there, or is slow to answer."""

    def finds_nothing(folder: Folder, shard: int) -> ShardReport | None:
        found = find_report(folder, shard) if shard == 0 else None
        time.sleep(0.02)
        return found

    monkeypatch.setattr(early, "find_report", finds_nothing)
    work = work_in(tmp_path, Order())
    merged = merged_meanwhile(work, lambda: do(work, SOURCE, [*range(SHARDS)]))[1]
    assert merged == Named(params={"order": [0.0, 1.0, 2.0, 3.0]})


def test_a_failure_ends_merging(tmp_path: Path) -> None:
    merges = []

    class Counting(Order):
        def merge(self, left: Named, right: Named) -> Named:
            merges.append(threading.current_thread().name)
            return super().merge(left, right)

    def aggregate() -> list[ShardReport]:
        do(work, lists(SOURCE.data, broken=True), [0])
        return do(work, SOURCE, [1, 2, 3])

    work = work_in(tmp_path, Counting())
    with pytest.raises(ContractError, match="broken"):
        merged_meanwhile(work, aggregate)
    assert not merges
    assert all(not thread.name.startswith("merge") for thread in threading.enumerate())


def test_what_could_not_be_read_is_left_to_a_second_try(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work = work_in(tmp_path, Total())

    def aggregate() -> list[ShardReport]:
        last = do(work, SOURCE, [1, 2, 3])
        (tmp_path / "summary-000002.npz").write_bytes(b"something else")
        return do(work, SOURCE, [0]) + last

    with caplog.at_level(logging.INFO, "petafit"):
        reports, merged = merged_meanwhile(work, aggregate)
    assert merged is None
    assert len(reports) == SHARDS
    assert "is not what was written" in caplog.text
