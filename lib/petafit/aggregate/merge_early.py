"""Merging the first shards while the last are still worked on elsewhere."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from petafit.aggregate.pass_files import ShardReport, find_report, load_summary
from petafit.aggregate.read_ahead import read_ahead
from petafit.aggregate.shard_task import ShardTask
from petafit.aggregate.tree import merge_all
from petafit.errors import StorageError
from petafit.store.arrays import StateDict

log = logging.getLogger("petafit")

_LOOK_SECONDS = 0.1


def merged_meanwhile(
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
    reports: Future[list[ShardReport]] = Future()
    with ThreadPoolExecutor(1, "merge") as thread:
        merged = thread.submit(merge_all, task.aggregator, read_ahead(_as_they_come(task, reports)))
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


def _as_they_come(task: ShardTask, reports: Future[list[ShardReport]]) -> Iterator[StateDict]:
    for shard in range(task.shards):
        report = None
        while not report and not reports.done():
            report = find_report(task.folder, shard)
            if not report:
                wait([reports], _LOOK_SECONDS)
        # In the end the engine itself knows of every shard, whatever a shared disk shows.
        yield load_summary(task.folder, report or reports.result()[shard])
