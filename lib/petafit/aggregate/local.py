"""The engine without a JVM: shards one after the other, in this process."""

from collections.abc import Callable, Sequence
from functools import partial

from petafit.aggregate.tree import merge_group
from petafit.aggregate.work import Reference, ShardReport, Work, aggregate_shard
from petafit.stream.batches import Source


class LocalEngine:
    """Works on shards in this process; the same results as Spark's, to the byte."""

    name = "local"
    slots = 1

    def aggregate(self, work: Work, source: Source) -> list[ShardReport]:
        """Aggregate every shard; the reports, by shard."""
        return [
            aggregate_shard(work, shard, partial(source.read, shard), source.pieces)
            for shard in range(source.shards)
        ]

    def merge(self, work: Work, grouped: Sequence[Sequence[ShardReport]]) -> list[Reference]:
        """Merge every group of summaries; where each group's merged summary is."""
        return [merge_group(work, number, group) for number, group in enumerate(grouped)]

    def everywhere(self, action: Callable[[], None]) -> None:
        """Do something on every machine that worked on shards: on this one."""
        action()
