"""Merging the first shards while the last are still worked on elsewhere."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from petafit.aggregate.ahead import ahead
from petafit.aggregate.tree import merge_all
from petafit.aggregate.work import Work, find_report, load_summary
from petafit.store.arrays import Named

_LOOK_SECONDS = 0.1


@contextmanager
def merging_early(work: Work) -> Iterator[Callable[[], Named]]:
    """Merge shards in their order, each as soon as it is finished, in a thread.

    Gives what returns, once the block has ended with all shards finished, all of them merged; it
    raises what kept a summary from being merged. If the block fails, merging ends with it.
    """
    ended = threading.Event()
    with ThreadPoolExecutor(1, "merge") as thread:
        merged = thread.submit(merge_all, work.aggregator, ahead(_as_they_come(work, ended)))
        try:
            yield merged.result
        finally:
            ended.set()


def _as_they_come(work: Work, ended: threading.Event) -> Iterator[Named]:
    for shard in range(work.shards):
        while (report := find_report(work, shard)) is None:
            if ended.is_set():
                return
            ended.wait(_LOOK_SECONDS)
        yield load_summary(work, report)
