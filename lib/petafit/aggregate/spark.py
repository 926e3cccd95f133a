"""The engine on Spark: a task for each shard; summaries go through the run folder."""

import gc
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache, partial

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

from petafit import errors
from petafit.aggregate.engine import Answer, check_slots
from petafit.aggregate.heartbeat import repeating
from petafit.aggregate.pass_files import ShardReport
from petafit.aggregate.shard_task import ShardTask, aggregate_shard
from petafit.aggregate.tree import merge_if_last
from petafit.spark import capacity
from petafit.spark.failures import in_one_sentence
from petafit.stream.batches import Source
from petafit.stream.scan.stream import ScanSource
from petafit.stream.scan.unreadable import naming_files

log = logging.getLogger("petafit")

_WAIT_SECONDS = 60.0
_ANSWER = "answer string"
_SCHEMA = pa.schema([("answer", pa.string())])
Batches = Iterator[pa.RecordBatch]


class SparkEngine:
    """Works on shards in Spark's Python workers; the rows stay out of the JVM where they can.

    Parameters
    ----------
    spark : SparkSession
        Used, never stopped.
    """

    name = "spark"

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark

    @property
    def slots(self) -> int:
        """The number of tasks that run at a time."""
        return capacity.slots(self.spark)

    def aggregate(self, task: ShardTask, source: Source) -> list[ShardReport]:
        """Aggregate every shard; the reports, by shard."""
        if isinstance(source, ScanSource):
            frame, unbound = source.for_tasks()
            answers = self._collect(frame, partial(_scanned, task, unbound), "shard")
        else:
            shards = range(source.shards)
            answers = self._map(partial(_aggregated, task, source), shards, "shard")
        reports = [ShardReport(**answer) for answer in answers]
        return sorted(reports, key=lambda report: report.shard)

    def map(self, action: Callable[[int], Answer], numbers: Sequence[int]) -> list[Answer]:
        """Run an action for each number, in a task each; what they return, in this order."""
        return self._map(action, numbers, "task")

    def together(self, action: Callable[[int], Answer], workers: int) -> list[Answer]:
        """Run an action for each of some workers at the same time: a stage with a barrier."""
        check_slots(self, workers)
        try:
            return self._map(action, range(workers), "worker", barrier=True)
        except errors.PetafitError as error:
            if type(error) is not errors.PetafitError:
                raise
            # Spark gave up a stage of which a process ended: none of the others can go on
            raise errors.LostWorkerError(error.what, got=error.got, hint=error.hint) from error

    def everywhere(self, action: Callable[[], None]) -> None:
        """Do something once in every slot, which reaches every executor that is idle."""
        self.map(partial(_done, action), range(self.slots))

    def _map(
        self,
        action: Callable[[int], Answer],
        numbers: Sequence[int],
        what: str,
        *,
        barrier: bool = False,
    ) -> list[Answer]:
        frame = self.spark.range(len(numbers), numPartitions=len(numbers))
        return self._collect(frame, partial(_mapped, action, numbers), what, barrier=barrier)

    def _collect(
        self,
        frame: DataFrame,
        task: Callable[[Batches], Iterator[Answer]],
        what: str,
        *,
        barrier: bool = False,
    ) -> list[Answer]:
        """Run a task on every partition; a worker's petafit error is raised here as itself."""
        answering = partial(_answering, task, capacity.task_attempts(self.spark))
        watched = repeating(self._warn_of_waiting, seconds=_WAIT_SECONDS, name="petafit-executors")
        explained = in_one_sentence("Spark's tasks failed", kind=errors.PetafitError, task=what)
        with watched, explained, naming_files():
            rows = frame.mapInArrow(answering, _ANSWER, barrier=barrier).collect()
        answers = [json.loads(row.answer) for row in rows]
        again = sum(answer.pop("attempt") > 0 for answer in answers)
        if again:
            log.warning(
                "%d of %d tasks failed, or lost their worker, and ran again", again, len(rows)
            )
        failed = [answer for answer in answers if "error" in answer]
        if failed:  # that a worker was lost is what the others say of the one that failed
            answer = min(failed, key=lambda each: each["error"] == errors.LostWorkerError.__name__)
            raise errors.from_fields(answer)
        return answers

    def _warn_of_waiting(self) -> None:
        if capacity.lacks_executors(self.spark):
            read = partial(self.spark.conf.get, default="Spark's default")
            log.warning(
                "no executor has come yet: each is to have %s cores and %s of memory. Where no "
                "worker has so much, the job waits for ever: lower spark.executor.cores or "
                "spark.executor.memory",
                read("spark.executor.cores"),
                read("spark.executor.memory"),
            )


def _answering(
    task: Callable[[Batches], Iterator[Answer]], attempts: int, batches: Batches
) -> Batches:
    """Answers as rows. An error that another attempt cannot mend is an answer too."""
    try:
        answers = list(task(batches))
    except errors.PetafitError as error:
        if isinstance(error, errors.StorageError) and _context().attemptNumber() + 1 < attempts:
            raise  # a filesystem out of reach may be back for Spark's next attempt
        answers = [errors.to_fields(error)]
    _settle(_context().stageId())
    if answers:
        attempt = {"attempt": _context().attemptNumber()}
        texts = [json.dumps(attempt | answer) for answer in answers]
        yield pa.record_batch([texts], schema=_SCHEMA)


@lru_cache(maxsize=1)
def _settle(stage: int) -> None:
    """Exempt what the first task of a stage has imported from the collection of garbage.

    Spark's Python worker collects after every task. Looking at all modules anew takes it a quarter
    of a second, which is many times what a small shard takes.
    """
    gc.collect()
    gc.freeze()


def _mapped(
    action: Callable[[int], Answer], numbers: Sequence[int], batches: Batches
) -> Iterator[Answer]:
    for batch in batches:
        for place in batch.column(0).to_pylist():
            yield action(numbers[place])


def _aggregated(task: ShardTask, source: Source, shard: int) -> Answer:
    report = aggregate_shard(task, shard, source)
    merge_if_last(task, shard)
    return asdict(report)


def _scanned(task: ShardTask, source: ScanSource, batches: Batches) -> Iterator[Answer]:
    shard = _context().partitionId()
    yield asdict(aggregate_shard(task, shard, source.receiving(batches)))


def _done(action: Callable[[], None], _: int) -> Answer:
    action()
    return {}


def _context() -> TaskContext:
    context = TaskContext.get()
    assert context is not None  # it is None on the driver only
    return context
