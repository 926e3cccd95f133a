"""One pass over a stream: every shard aggregated, every summary merged, on either engine."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from petafit.aggregate.aggregator import Aggregator
from petafit.aggregate.checked import NoGoodRowsError
from petafit.aggregate.heartbeat import HeartbeatReader
from petafit.aggregate.merge_early import merged_meanwhile
from petafit.aggregate.pass_files import Reference, ShardReport, load_summary
from petafit.aggregate.read_ahead import read_ahead
from petafit.aggregate.shard_task import ShardTask, Through
from petafit.aggregate.tree import (
    GroupReport,
    find_group,
    groups,
    is_one_group,
    load_group,
    merge_all,
)
from petafit.errors import EmptyInputError, StorageError, only_logged
from petafit.store.arrays import StateDict, digest, to_buffers
from petafit.store.filesystem import Folder
from petafit.stream.batches import Counted, Source, Tally

Result = TypeVar("Result")

Keep = Callable[[Iterable[StateDict], StateDict], None]
"""Takes the summaries of all shards, in their order, loaded one by one; and all of them merged."""


class Engine(Protocol):
    """Runs the shards of a pass."""

    name: str

    @property
    def slots(self) -> int:
        """The number of shards that run at a time."""

    def aggregate(self, task: ShardTask, source: Source) -> list[ShardReport]:
        """Aggregate every shard; the reports, by shard."""

    def merge(self, task: ShardTask, numbers: Sequence[int]) -> None:
        """Merge these groups of shards, and leave their summaries in the pass's folder."""

    def everywhere(self, action: Callable[[], None]) -> None:
        """Do something on every machine that worked on shards, as far as they can be reached."""


class Watcher(Protocol):
    """Shows a pass while it goes on."""

    def __call__(
        self, title: str, reader: HeartbeatReader, *, shards: int, rows: int | None
    ) -> AbstractContextManager[None]:
        """Watch until the block ends; `rows` is the expected total, where known."""


def unwatched(
    title: str, reader: HeartbeatReader, *, shards: int, rows: int | None
) -> AbstractContextManager[None]:
    """Watch nothing."""
    return nullcontext()


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
    """

    engine: Engine
    folder: Folder
    inputs: str
    watch: Watcher = unwatched
    checkpoint_seconds: float = 60.0
    peak_memory: int = 0
    compile_seconds: float = 0.0

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
        content = to_buffers(start) if start else []
        origin = digest(content) if start else "nothing"
        with self._pass_folder(title, source, origin) as folder:
            reference = None
            if start:
                folder.write("start.npz", content, durable=False)
                reference = Reference(folder, "start.npz", origin)
            shards = source.shards if source.frozen and not keep else 0
            task = ShardTask(
                aggregator,
                folder,
                reference,
                through,
                shards,
                self.checkpoint_seconds,
            )
            with self.watch(title, HeartbeatReader(folder), shards=source.shards, rows=rows):
                aggregate = partial(self.engine.aggregate, task, source)
                # An engine of one slot is this process, which has no time to merge meanwhile.
                if self.engine.slots > 1 and is_one_group(task.shards):
                    reports, merged = merged_meanwhile(task, aggregate)
                else:
                    reports, merged = aggregate(), None
            tally = _counted(source, reports, title)
            total = sum(report.rows for report in reports)
            if not total:
                raise EmptyInputError(
                    f"No rows to {title}",
                    hint="Check `table.filter` and `split` against what the table holds.",
                )
            if merged is None:
                merged = self._merged(task, reports, by_group=not keep)
            if keep:
                keep((load_summary(task.folder, report) for report in reports), merged)
            result = aggregator.finish(merged, start)
        self.peak_memory = max(self.peak_memory, *(r.peak_memory for r in reports))
        self.compile_seconds = max(self.compile_seconds, *(r.compile_seconds for r in reports))
        return Outcome(result, total, len(reports), time.monotonic() - began, tally)

    def _merged(
        self, task: ShardTask, reports: Sequence[ShardReport], *, by_group: bool
    ) -> StateDict:
        """All summaries as one; where they make one group only, it needs no other machine."""
        task = replace(task, shards=1 + max(report.shard for report in reports))
        if is_one_group(task.shards) or not by_group:
            parts = (load_summary(task.folder, report) for report in reports)
            return merge_all(task.aggregator, read_ahead(parts))
        count = len(groups(task.shards))
        missing = [number for number in range(count) if not find_group(task, number)]
        if missing:
            self.engine.merge(task, missing)
        merged = [find_group(task, number) for number in range(count)]
        done = [report for report in merged if report]
        _check_complete(task, done, len(reports))
        self.peak_memory = max(self.peak_memory, *(report.peak_memory for report in done))
        return merge_all(task.aggregator, (load_group(task, n, r) for n, r in enumerate(done)))

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
