"""A worker's task: resume a shard, reduce, lift, leave the summary in the run folder."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Protocol

from pydantic import TypeAdapter
from threadpoolctl import threadpool_limits

from petafit.aggregate.aggregator import Aggregator
from petafit.aggregate.heartbeat import Heartbeat
from petafit.aggregate.memory import peak_memory
from petafit.aggregate.pass_files import (
    Reference,
    ShardReport,
    discard_checkpoint,
    find_checkpoint,
    find_report,
    remove_checkpoint,
    save_checkpoint,
    write_summary,
)
from petafit.compiled import compile_seconds
from petafit.errors import StorageError
from petafit.store.arrays import StateDict, digest, to_buffers
from petafit.store.filesystem import Folder
from petafit.stream.tally import Tally


class RowBatch(Protocol):
    """A batch, of whatever form."""

    @property
    def num_rows(self) -> int: ...


class Read(Protocol):
    """Gives a shard's batches."""

    def __call__(self, *, skip: int) -> Iterator[RowBatch]:
        """The batches after the first `skip`."""


class Through(Protocol):
    """Makes of a shard's batches what the aggregator takes."""

    def __call__(self, read: Read, *, shard: int, piece: int) -> Read:
        """Reads as many batches as `read`, each of as many rows."""


class InPieces(Protocol):
    """Reads a piece of a shard."""

    def __call__(self, *, piece: int, skip: int) -> Iterator[RowBatch]:
        """The batches of a piece after the first `skip`."""


@dataclass(frozen=True)
class ShardTask:
    """All that a worker needs to know beside its shard.

    Attributes
    ----------
    folder : Folder
        Of this pass, inside the run folder. Its name holds the digest of everything the summaries
        depend on, so a summary found there is the summary wanted.
    start : Reference or None
        The model to start from.
    through : Through or None
        What the source's batches go through on their way to the aggregator.
    shards : int
        How many there are; 0 where it is known only when all are finished.
    checkpoint_seconds : float
        How often the state within a shard is saved.
    counted : bool
        Whether the source counts the rows that it reads: it is `petafit.stream.tally.Counted`.
    resumable : bool
        Whether another attempt at a shard gets the same batches, so that it may go on from what an
        earlier one left. Spark's scan deals rows anew in every attempt.
    """

    aggregator: Aggregator[Any, Any, Any]
    folder: Folder
    start: Reference | None = None
    through: Through | None = None
    shards: int = 0
    checkpoint_seconds: float = 60.0
    counted: bool = False
    resumable: bool = True

    def model(self) -> StateDict | None:
        """The model to start from."""
        return self.start.load() if self.start else None


@dataclass
class _Position:
    """The progress of a shard: batches are counted within the piece, all else in all.

    The tally is that of the pieces before: a piece that is gone on with is counted from its start.
    """

    piece: int
    batches: int = 0
    rows: int = 0
    tally: dict[str, int] = field(default_factory=lambda: asdict(Tally()))


def aggregate_shard(
    task: ShardTask, shard: int, read: InPieces, pieces: Sequence[int] = (0,)
) -> ShardReport:
    """Aggregate one shard and leave its summary in the run folder.

    A shard that an earlier attempt finished is not aggregated again; one that was interrupted goes
    on from its last checkpoint. Numerical libraries use one thread, so that sums do not depend on
    the machine's number of cores.

    Parameters
    ----------
    read : callable
        ``read(piece=p, skip=n)`` gives the batches of a piece after the first ``n``; of a source
        whose rows are counted, it takes a `Tally`, too.
    pieces : sequence of int
        To read one after the other.
    """
    finished = find_report(task.folder, shard) if task.resumable else None
    if finished:
        return finished
    with threadpool_limits(1):
        aggregator, heartbeat = task.aggregator, Heartbeat(task.folder, shard)
        state, at = _restore(task, shard, pieces[0])
        saved, tally = time.monotonic(), Tally()
        for piece in pieces[pieces.index(at.piece) :]:
            if piece != at.piece:
                at = _Position(piece, rows=at.rows, tally=_sum(at.tally, tally))
                tally = Tally()
            for batch in _open_piece(task, shard, read, at, tally):
                state = aggregator.reduce(state, batch)
                at.batches, at.rows = at.batches + 1, at.rows + batch.num_rows
                heartbeat.beat(at.rows, partial(aggregator.progress, state))
                if task.resumable and time.monotonic() - saved > task.checkpoint_seconds:
                    save_checkpoint(task.folder, shard, aggregator.dump(state), asdict(at))
                    saved = time.monotonic()
        content = to_buffers(aggregator.lift(state))
    report = ShardReport(
        shard,
        at.rows,
        digest(content),
        peak_memory(),
        compile_seconds(),
        _sum(at.tally, tally),
    )
    write_summary(task.folder, content, report)
    heartbeat.stop()
    remove_checkpoint(task.folder, shard)
    return report


def _open_piece(
    task: ShardTask, shard: int, read: InPieces, at: _Position, tally: Tally
) -> Iterator[RowBatch]:
    """The batches of the piece that the position names, after those that it counts."""
    counted: dict[str, Any] = {"tally": tally} if task.counted else {}
    plain = partial(read, piece=at.piece, **counted)
    through = task.through(plain, shard=shard, piece=at.piece) if task.through else plain
    return through(skip=at.batches)


def _sum(counted: dict[str, int], tally: Tally) -> dict[str, int]:
    return asdict(Tally(**counted) + tally)


def _restore(task: ShardTask, shard: int, first: int) -> tuple[Any, _Position]:
    """The state to go on from, and where it has come to; a damaged checkpoint is left out."""
    saved = find_checkpoint(task.folder, shard) if task.resumable else None
    if saved:
        state, position = saved
        try:
            return task.aggregator.load(state), _POSITION.validate_python(position)
        except (StorageError, KeyError, TypeError, ValueError):  # ValidationError is a ValueError
            discard_checkpoint(task.folder, shard)
    return task.aggregator.start(task.model()), _Position(first)


_POSITION = TypeAdapter(_Position)
