"""Merging the first shards while the last are still worked on elsewhere."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from petafit.aggregate.ahead import ahead
from petafit.aggregate.pass_files import ShardReport, find_report, load_summary
from petafit.aggregate.tree import merge_all
from petafit.aggregate.work import Work
from petafit.errors import StorageError
from petafit.store.arrays import Named

log = logging.getLogger("petafit")

_LOOK_SECONDS = 0.1


def merged_meanwhile(
    work: Work, aggregate: Callable[[], list[ShardReport]]
) -> tuple[list[ShardReport], Named | None]:
    """Aggregate all shards; merge them in their order, each as soon as it is finished, in a thread.

    Returns
    -------
    list of ShardReport
        What `aggregate` gives: by shard, of all of them.
    Named or None
        All of them merged; None where a summary could not be read meanwhile.
    """
    reports: Future[list[ShardReport]] = Future()
    with ThreadPoolExecutor(1, "merge") as thread:
        merged = thread.submit(merge_all, work.aggregator, ahead(_as_they_come(work, reports)))
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


def _as_they_come(work: Work, reports: Future[list[ShardReport]]) -> Iterator[Named]:
    for shard in range(work.shards):
        report = None
        while not report and not reports.done():
            report = find_report(work.folder, shard)
            if not report:
                wait([reports], _LOOK_SECONDS)
        # In the end the engine itself knows of every shard, whatever a shared disk shows.
        yield load_summary(work.folder, report or reports.result()[shard])
