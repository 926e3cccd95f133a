"""One pass over a stream: every shard aggregated, every summary merged, on either engine."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from petafit.aggregate.aggregator import Aggregator
from petafit.aggregate.checked import NoGoodRowsError
from petafit.aggregate.heartbeat import Heartbeat, HeartbeatReader, Watcher, unwatched
from petafit.aggregate.merging import merge_finished, merge_meanwhile
from petafit.aggregate.pass_files import Reference, ShardReport, load_summary, report_rows
from petafit.aggregate.shard_task import ShardTask, Through
from petafit.aggregate.tree import is_one_group
from petafit.errors import ConfigurationError, EmptyInputError, only_logged
from petafit.store.arrays import StateDict, digest, to_buffers
from petafit.store.disk import Buffers
from petafit.store.filesystem import Folder
from petafit.stream.batches import Counted, Source, Tally

Result = TypeVar("Result")

Keep = Callable[[Iterable[StateDict], StateDict], None]
"""Takes the summaries of all shards, in their order, loaded one by one; and all of them merged."""


Answer = dict[str, Any]
"""The answer of a task: values of JSON by name."""


Beat = Callable[[int], None]
"""Reports how many rows of a shard are done."""


class Engine(Protocol):
    """Runs the shards of a pass."""

    name: str

    @property
    def slots(self) -> int:
        """The number of shards that run at a time."""

    def aggregate(self, task: ShardTask, source: Source) -> list[ShardReport]:
        """Aggregate every shard; the reports, by shard."""

    def map(self, action: Callable[[int], Answer], numbers: Sequence[int]) -> list[Answer]:
        """Run an action for each number, in a task each; what they return, in this order."""

    def together(self, action: Callable[[int], Answer], workers: int) -> list[Answer]:
        """Run an action for each of some workers, which need each other: all at the same time.

        Raises
        ------
        ConfigurationError
            There are fewer slots than workers.
        LostWorkerError
            A worker ended; what the others raise because of it is left out.
        """

    def everywhere(self, action: Callable[[], None]) -> None:
        """Do something on every machine that worked on shards, as far as they can be reached."""


def check_slots(engine: Engine, workers: int) -> None:
    """Refuse more workers at the same time than there are slots.

    Raises
    ------
    ConfigurationError
        Waiting for more would take for ever.
    """
    if workers > engine.slots:
        raise ConfigurationError(
            "There are fewer slots than workers that need each other",
            expected=f"{workers} slots",
            got=engine.slots,
            hint="Lower `training.shards`, or give Spark more executors or cores.",
        )


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """The result of a pass, with its counts and its time.

    Attributes
    ----------
    rows : int
        Rows that were read and met the conditions.
    seconds : float
        Wall-clock time of the whole pass, merging included.
    tally : Tally or None
        All rows that were read; None where they were not counted, as those in a cache.
    """

    result: Result
    rows: int
    shards: int
    seconds: float
    tally: Tally | None = None

    @property
    def rows_per_second(self) -> float:
        """Rows through the whole pass per second."""
        return self.rows / max(self.seconds, 1e-9)


@dataclass
class Passes:
    """Runs passes within one run: each in a folder of its own, which is removed when it is done.

    Attributes
    ----------
    inputs : str
        Digest of what every pass of the run depends on beside its source: settings, code.
    peak_memory : int
        Bytes: the largest peak among the workers of all passes so far.
    compile_seconds : float
        The most that one of them has spent compiling.
    compiled_kernels : int
        The most that one of them has compiled.
    """

    engine: Engine
    folder: Folder
    inputs: str
    watch: Watcher = unwatched
    checkpoint_seconds: float = 60.0
    peak_memory: int = 0
    compile_seconds: float = 0.0
    compiled_kernels: int = 0

    def run(
        self,
        title: str,
        aggregator: Aggregator[Any, Any, Result],
        source: Source,
        *,
        start: StateDict | None = None,
        through: Through | None = None,
        rows: int | None = None,
        keep: Keep | None = None,
    ) -> Outcome[Result]:
        """Aggregate a source.

        Parameters
        ----------
        title : str
            Names the pass within the run, and on the progress bar.
        through : Through, optional
            What the source's batches go through on their way to the aggregator.
        rows : int, optional
            How many rows are expected, for the time left.
        keep : Keep, optional
            Called before the summaries are removed; they are then merged here, not by groups.

        Raises
        ------
        EmptyInputError
            No row met the conditions.
        StorageError
            More or fewer rows were read than the table promises.
        """
        began = time.monotonic()
        content = to_buffers(start) if start else None
        origin = digest(content) if content else "nothing"
        with self._pass_folder(title, source, origin) as folder:
            task = ShardTask(
                aggregator,
                folder,
                _stored(folder, content, origin) if content else None,
                through,
                source.shards if source.frozen and not keep else 0,
                self.checkpoint_seconds,
            )
            with self.watch(title, HeartbeatReader(folder), shards=source.shards, rows=rows):
                aggregate = partial(self.engine.aggregate, task, source)
                # An engine of one slot is this process, which has no time to merge meanwhile.
                if self.engine.slots > 1 and is_one_group(task.shards):
                    reports, merged = merge_meanwhile(task, aggregate)
                else:
                    reports, merged = aggregate(), None
            tally = _counted(source, reports, title)
            total = _require_rows((report.rows for report in reports), title)
            if merged is None:
                merged, peak = merge_finished(task, reports, self.engine.map, by_group=not keep)
                self.peak_memory = max(self.peak_memory, peak)
            if keep:
                keep((load_summary(task.folder, report) for report in reports), merged)
            result = aggregator.finish(merged, start)
        self.peak_memory = max(self.peak_memory, *(r.peak_memory for r in reports))
        self.compile_seconds = max(self.compile_seconds, *(r.compile_seconds for r in reports))
        self.compiled_kernels = max(self.compiled_kernels, *(r.compiled_kernels for r in reports))
        return Outcome(result, total, len(reports), time.monotonic() - began, tally)

    def map(
        self,
        title: str,
        action: Callable[[int, Beat], Answer],
        shards: int,
        *,
        together: bool = False,
        rows: int | None = None,
    ) -> list[Answer]:
        """Run an action for each shard, shown as a pass is, where there is nothing to aggregate.

        Parameters
        ----------
        action : callable
            Takes the shard's number, and a function to report how many rows are done; its answer
            names their number, ``rows``.
        together : bool
            The actions need each other: each gets a slot at the same time.
        rows : int, optional
            How many rows are expected, for the time left.

        Raises
        ------
        EmptyInputError
            There are no rows.
        """
        folder = self.folder.child("passes", title.replace(" ", "-"))
        folder.remove()
        try:
            with self.watch(title, HeartbeatReader(folder), shards=shards, rows=rows):
                reported = partial(_reported, folder, action)
                if together:
                    answers = self.engine.together(reported, shards)
                else:
                    answers = self.engine.map(reported, range(shards))
        finally:
            with only_logged(f"removing {folder.uri}"):
                folder.remove()
        _require_rows((answer["rows"] for answer in answers), title)
        return answers

    @contextmanager
    def _pass_folder(self, title: str, source: Source, origin: str) -> Iterator[Folder]:
        """The pass's folder; kept after a failure for the next attempt where shards are frozen.

        Where there are no good rows, the next attempt will find none either: nothing is kept.
        """
        key = digest(f"{self.inputs} {title} {source.identity} {origin}".encode())
        folder = self.folder.child("passes", f"{title.replace(' ', '-')}-{key[:16]}")
        if not source.frozen:
            folder.remove()
        try:
            yield folder
        except BaseException as error:
            if isinstance(error, EmptyInputError | NoGoodRowsError) or not source.frozen:
                with only_logged(f"removing {folder.uri}"):
                    folder.remove()
            raise
        folder.remove()


def _reported(folder: Folder, action: Callable[[int, Beat], Answer], shard: int) -> Answer:
    heartbeat = Heartbeat(folder, shard)
    answer = action(shard, heartbeat.beat)
    report_rows(folder, shard, answer["rows"])
    heartbeat.stop()
    return answer


def _stored(folder: Folder, content: Buffers, origin: str) -> Reference:
    """The model to start from, where the workers find it."""
    folder.write("start.npz", content, durable=False)
    return Reference(folder, "start.npz", origin)


def _require_rows(counts: Iterable[int], title: str) -> int:
    """The number of all rows, of which there must be some."""
    rows = sum(counts)
    if not rows:
        raise EmptyInputError(
            f"No rows to {title}",
            hint="Check `table.filter` and `split` against what the table holds.",
        )
    return rows


def _counted(source: Source, reports: Sequence[ShardReport], title: str) -> Tally | None:
    """All rows that were read, once they are what the table promises.

    Raises
    ------
    StorageError
        They are not.
    """
    tally = sum((Tally(**report.tally) for report in reports), Tally())
    pieces = len(source.pieces) * (source.shards if source.frozen else len(reports))
    if not isinstance(source, Counted) or tally.pieces != pieces:
        return None
    source.check(tally, title)
    return tally
