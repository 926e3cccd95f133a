"""The engine without a JVM: shards one after the other, in this process."""

from collections.abc import Callable, Sequence

from petafit.aggregate.pass_files import ShardReport
from petafit.aggregate.shard_task import ShardTask, aggregate_shard
from petafit.aggregate.tree import merge_group, merge_if_last
from petafit.stream.batches import Source


class LocalEngine:
    """Works on shards in this process; the same results as Spark's, to the byte."""

    name = "local"
    slots = 1

    def aggregate(self, task: ShardTask, source: Source) -> list[ShardReport]:
        """Aggregate every shard; the reports, by shard."""
        reports = []
        for shard in range(source.shards):
            reports.append(aggregate_shard(task, shard, source))
            merge_if_last(task, shard)
        return reports

    def merge(self, task: ShardTask, numbers: Sequence[int]) -> None:
        """Merge these groups of shards, and leave their summaries in the pass's folder."""
        for number in numbers:
            merge_group(task, number)

    def everywhere(self, action: Callable[[], None]) -> None:
        """Do something on every machine that worked on shards: on this one."""
        action()
