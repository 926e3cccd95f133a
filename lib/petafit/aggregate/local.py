"""The engine of this process: one shard after the other, without a JVM."""

from collections.abc import Callable, Sequence

from petafit.aggregate.engine import Answer, check_slots
from petafit.aggregate.pass_files import ShardReport
from petafit.aggregate.shard_task import ShardTask, aggregate_shard
from petafit.aggregate.tree import merge_if_last
from petafit.stream.batches import Source


class LocalEngine:
    """Works on shards in this process, one after the other; the same results as Spark's."""

    name = "local"
    slots = 1

    def aggregate(self, task: ShardTask, source: Source) -> list[ShardReport]:
        """Aggregate every shard; the reports, by shard."""
        reports = []
        for shard in range(source.shards):
            reports.append(aggregate_shard(task, shard, source))
            merge_if_last(task, shard)
        return reports

    def map(self, action: Callable[[int], Answer], numbers: Sequence[int]) -> list[Answer]:
        """Run an action for each number."""
        return [action(number) for number in numbers]

    def together(self, action: Callable[[int], Answer], workers: int) -> list[Answer]:
        """Run an action for the one worker there is."""
        check_slots(self, workers)
        return self.map(action, range(workers))

    def everywhere(self, action: Callable[[], None]) -> None:
        """Do something on every machine that worked on shards: on this one."""
        action()
