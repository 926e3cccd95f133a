"""Merging on the driver: the shards of one group as they finish, or the groups of many shards."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from petafit.aggregate.pass_files import ShardReport, find_report, load_summary
from petafit.aggregate.shard_task import ShardTask
from petafit.aggregate.tree import (
    GroupReport,
    find_group,
    groups,
    is_one_group,
    load_group,
    merge,
    merge_group,
)
from petafit.errors import StorageError
from petafit.store.arrays import StateDict

log = logging.getLogger("petafit")

_LOOK_SECONDS = 0.1

Item = TypeVar("Item")
Reports = Future[list[ShardReport]]
Map = Callable[[Callable[[int], dict[str, Any]], Sequence[int]], list[dict[str, Any]]]
"""Runs an action for each number, in a task of its own; `petafit.aggregate.engine.Engine.map`."""


def merge_meanwhile(
    task: ShardTask, aggregate: Callable[[], list[ShardReport]]
) -> tuple[list[ShardReport], StateDict | None]:
    """Aggregate all shards; merge them in their order, each as soon as it is finished, in a thread.

    Returns
    -------
    list of ShardReport
        What `aggregate` gives: by shard, of all of them.
    StateDict or None
        All of them merged; None where a summary could not be read meanwhile.
    """
    reports = Reports()
    with ThreadPoolExecutor(1, "merge") as thread:
        merged = thread.submit(_merge_shards, task, reports)
        try:
            reports.set_result(aggregate())
        except BaseException:
            reports.cancel()  # which ends merging, too
            raise
    try:
        return reports.result(), merged.result()
    except StorageError as error:
        log.info("merging starts anew: %s", error)
        return reports.result(), None


def merge_finished(
    task: ShardTask, reports: Sequence[ShardReport], run: Map, *, by_group: bool
) -> tuple[StateDict, int]:
    """Merge the summaries of shards that are all finished.

    Parameters
    ----------
    run : Map
        Merges the groups that no worker has merged; the shards of a single group need no task.
    by_group : bool
        False: merge all shards here, so that their summaries stay.

    Returns
    -------
    StateDict
    int
        Bytes: the largest peak of memory among the workers that merged groups.

    Raises
    ------
    StorageError
        A summary is missing or damaged.
    """
    task = replace(task, shards=1 + max(report.shard for report in reports))
    if is_one_group(task.shards) or not by_group:
        finished = Reports()
        finished.set_result([*reports])
        return _merge_shards(task, finished), 0
    found = [find_group(task, number) for number in range(len(groups(task.shards)))]
    missing = [number for number, report in enumerate(found) if not report]
    if missing:
        for number, answer in zip(missing, run(partial(_merged_group, task), missing), strict=True):
            found[number] = GroupReport(**answer)
    merged = [report for report in found if report]
    _check_complete(task, merged, len(reports))
    summaries = (load_group(task, number, report) for number, report in enumerate(merged))
    return merge(task.aggregator, summaries), max(report.peak_memory for report in merged)


def _merged_group(task: ShardTask, number: int) -> dict[str, Any]:
    return asdict(merge_group(task, number))


def _merge_shards(task: ShardTask, reports: Reports) -> StateDict:
    return merge(task.aggregator, read_ahead(_as_they_come(task, reports)))


def _as_they_come(task: ShardTask, reports: Reports) -> Iterator[StateDict]:
    """The summaries of all shards in their order, each as soon as it is there."""
    shard = 0
    while shard < task.shards and not reports.done():
        report = find_report(task.folder, shard)
        if report:
            yield load_summary(task.folder, report)
            shard += 1
        else:
            wait([reports], _LOOK_SECONDS)
    # In the end the engine itself knows of every shard, whatever a shared disk shows.
    for report in reports.result()[shard:]:
        yield load_summary(task.folder, report)


def _check_complete(task: ShardTask, merged: Sequence[GroupReport], shards: int) -> None:
    """Refuse what lacks a shard, or has one too many."""
    found = sum(report.shards for report in merged)
    if found != shards:
        raise StorageError(
            f"{task.folder.uri} does not hold the summaries of all shards",
            expected=f"{shards} shards",
            got=f"{found} shards",
            hint="Start the job again under a new run id.",
        )


def read_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items; each but the first is made in a thread while the one before is in use.

    It pays for what waits for a disk, or hashes and copies: that leaves the interpreter to others.
    An error comes where its item would. One item more than before is held.

    Examples
    --------
    >>> list(read_ahead(number**2 for number in range(4)))
    [0, 1, 4, 9]
    """
    source = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming: Future[list[Item]] = thread.submit(_next, source)
        while made := coming.result():
            coming = thread.submit(_next, source)
            yield made.pop()  # nothing here holds it while it is in use


def _next(source: Iterator[Item]) -> list[Item]:
    """The next item, alone in a list; an empty one at the end."""
    return list(islice(source, 1))
