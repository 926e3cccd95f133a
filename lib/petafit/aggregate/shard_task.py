"""A worker's task: resume a shard, reduce, lift, leave the summary in the run folder."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Protocol

import pyarrow as pa
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
from petafit.compiled import compile_seconds, compiled_kernels
from petafit.errors import StorageError
from petafit.store.arrays import StateDict, digest, to_buffers
from petafit.store.filesystem import Folder
from petafit.stream.batches import Counted, Source, Tally


class RowBatch(Protocol):
    """A batch, of whatever form."""

    @property
    def num_rows(self) -> int: ...


class Through(Protocol):
    """Makes of a shard's batches what the aggregator takes."""

    def __call__(
        self, raw: Iterator[pa.RecordBatch], *, shard: int, piece: int, skip: int
    ) -> Iterator[RowBatch]:
        """As many batches as `raw`, each of as many rows.

        Parameters
        ----------
        raw : iterator of pyarrow.RecordBatch
            The batches of a piece after the first `skip`; nothing is read of it that is not needed.
        """


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
    """

    aggregator: Aggregator[Any, Any, Any]
    folder: Folder
    start: Reference | None = None
    through: Through | None = None
    shards: int = 0
    checkpoint_seconds: float = 60.0

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


def aggregate_shard(task: ShardTask, shard: int, source: Source) -> ShardReport:
    """Aggregate one shard and leave its summary in the run folder.

    A shard that an earlier attempt finished is not aggregated again; one that was interrupted goes
    on from its last checkpoint. Neither holds for a source that is not frozen: Spark's scan deals
    rows anew in every attempt. Numerical libraries use one thread, so that sums do not depend on
    the machine's number of cores.
    """
    finished = find_report(task.folder, shard) if source.frozen else None
    if finished:
        return finished
    with threadpool_limits(1):
        aggregator, heartbeat = task.aggregator, Heartbeat(task.folder, shard)
        state, at = _restore(task, shard, source)
        saved, tally = time.monotonic(), Tally()
        for piece in source.pieces[source.pieces.index(at.piece) :]:
            if piece != at.piece:
                at = _Position(piece, rows=at.rows, tally=_sum(at.tally, tally))
                tally = Tally()
            for batch in _open_piece(task, shard, source, at, tally):
                state = aggregator.reduce(state, batch)
                at.batches, at.rows = at.batches + 1, at.rows + batch.num_rows
                heartbeat.beat(at.rows, partial(aggregator.progress, state))
                if source.frozen and time.monotonic() - saved > task.checkpoint_seconds:
                    save_checkpoint(task.folder, shard, aggregator.dump(state), asdict(at))
                    saved = time.monotonic()
        content = to_buffers(aggregator.lift(state))
    report = ShardReport(
        shard,
        at.rows,
        digest(content),
        peak_memory(),
        compile_seconds(),
        compiled_kernels(),
        _sum(at.tally, tally),
    )
    write_summary(task.folder, content, report)
    heartbeat.stop()
    remove_checkpoint(task.folder, shard)
    return report


def _open_piece(
    task: ShardTask, shard: int, source: Source, at: _Position, tally: Tally
) -> Iterator[RowBatch]:
    """The batches of the piece that the position names, after those that it counts."""
    counted: dict[str, Any] = {"tally": tally} if isinstance(source, Counted) else {}
    raw = source.read(shard, piece=at.piece, skip=at.batches, **counted)
    if task.through is None:
        return raw
    return task.through(raw, shard=shard, piece=at.piece, skip=at.batches)


def _sum(counted: dict[str, int], tally: Tally) -> dict[str, int]:
    return asdict(Tally(**counted) + tally)


def _restore(task: ShardTask, shard: int, source: Source) -> tuple[Any, _Position]:
    """The state to go on from, and where it has come to; a damaged checkpoint is left out."""
    saved = find_checkpoint(task.folder, shard) if source.frozen else None
    if saved:
        state, position = saved
        try:
            return task.aggregator.load(state), _POSITION.validate_python(position)
        except (StorageError, KeyError, TypeError, ValueError):  # ValidationError is a ValueError
            discard_checkpoint(task.folder, shard)
    return task.aggregator.start(task.model()), _Position(source.pieces[0])


_POSITION = TypeAdapter(_Position)
