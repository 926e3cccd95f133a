"""What a worker does with a shard: resume, reduce, lift, leave the summary in the run folder."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError
from threadpoolctl import threadpool_limits

from petafit.aggregate.law import Aggregator
from petafit.aggregate.memory import peak_memory
from petafit.aggregate.pulse import Pulse
from petafit.compiled import compile_seconds
from petafit.errors import DamagedError, StorageError
from petafit.store.arrays import Named, digest, from_bytes, to_pieces
from petafit.store.filesystem import Folder
from petafit.stream.tally import Tally

log = logging.getLogger("petafit")

AGAIN = "Run the job again with the same run id: what is damaged is made anew."


class Rows(Protocol):
    """A batch, of whatever form."""

    @property
    def num_rows(self) -> int: ...


class Read(Protocol):
    """Gives a shard's batches."""

    def __call__(self, *, skip: int) -> Iterator[Rows]:
        """The batches after the first `skip`."""


class Through(Protocol):
    """Makes of a shard's batches what the aggregator takes."""

    def __call__(self, read: Read, *, shard: int, piece: int) -> Read:
        """Reads as many batches as `read`, each of as many rows."""


class InPieces(Protocol):
    """Reads a piece of a shard."""

    def __call__(self, *, piece: int, skip: int) -> Iterator[Rows]:
        """The batches of a piece after the first `skip`."""


@dataclass(frozen=True)
class Reference:
    """Stored arrays by name and digest, so that large ones travel as two strings."""

    folder: Folder
    name: str
    digest: str

    def load(self) -> Named:
        """The arrays; read once per worker and digest.

        Raises
        ------
        StorageError
            The file is missing or its content has another digest.
        """
        return _load(self)


@dataclass(frozen=True)
class ShardReport:
    """The one small row that a shard sends back.

    Attributes
    ----------
    rows : int
        Rows that were read and met the conditions.
    digest : str
        Of the summary left in the run folder.
    peak_memory : int
        Bytes, of the process that worked on the shard.
    compile_seconds : float
        What that process has spent compiling so far; 0 where all kernels were in the cache.
    tally : dict
        As `petafit.stream.tally.Tally`: all rows that were read, to be compared with the table.
    """

    shard: int
    rows: int
    digest: str
    peak_memory: int
    compile_seconds: float
    tally: dict[str, int]


@dataclass(frozen=True)
class Work:
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

    def model(self) -> Named | None:
        """The model to start from."""
        return self.start.load() if self.start else None


def aggregate_shard(
    work: Work, shard: int, read: InPieces, pieces: Sequence[int] = (0,)
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
    finished = find_report(work, shard) if work.resumable else None
    if finished:
        return finished
    with threadpool_limits(1):
        return _aggregate(work, shard, read, pieces)


@dataclass
class _Position:
    """How far a shard has come: batches are counted within the piece, all else in all.

    The tally is that of the pieces before: a piece that is gone on with is counted from its start.
    """

    piece: int
    batches: int = 0
    rows: int = 0
    tally: dict[str, int] = field(default_factory=lambda: asdict(Tally()))


def _aggregate(work: Work, shard: int, read: InPieces, pieces: Sequence[int]) -> ShardReport:
    aggregator, pulse = work.aggregator, Pulse(work.folder, shard)
    state, at = _restore(work, shard, pieces[0])
    saved, tally = time.monotonic(), Tally()
    for piece in pieces[pieces.index(at.piece) :]:
        if piece != at.piece:
            at = _Position(piece, rows=at.rows, tally=_sum(at.tally, tally))
            tally = Tally()
        counted: dict[str, Any] = {"tally": tally} if work.counted else {}
        plain = partial(read, piece=piece, **counted)
        through = work.through(plain, shard=shard, piece=piece) if work.through else plain
        for batch in through(skip=at.batches):
            state = aggregator.reduce(state, batch)
            at.batches, at.rows = at.batches + 1, at.rows + batch.num_rows
            pulse.beat(at.rows, partial(aggregator.progress, state))
            if work.resumable and time.monotonic() - saved > work.checkpoint_seconds:
                _checkpoint(work, shard, aggregator.dump(state), at)
                saved = time.monotonic()
    summary = aggregator.lift(state)
    content = to_pieces(summary)
    report = ShardReport(
        shard,
        at.rows,
        digest(content),
        peak_memory(),
        compile_seconds(),
        _sum(at.tally, tally),
    )
    work.folder.write(_summary_name(shard), content, durable=False)
    work.folder.write_json(_report_name(shard), asdict(report), durable=False)
    pulse.stop()
    work.folder.remove(_checkpoint_name(shard))
    return report


def _sum(counted: dict[str, int], tally: Tally) -> dict[str, int]:
    return asdict(Tally(**counted) + tally)


def find_report(work: Work, shard: int) -> ShardReport | None:
    """The report of a shard that an earlier attempt finished; a damaged one is removed."""
    if not has_report(work, shard):
        return None
    try:
        return _REPORT.validate_json(work.folder.read(_report_name(shard)))
    except ValidationError:
        _discard(work, _report_name(shard), shard)
        return None


def has_report(work: Work, shard: int) -> bool:
    """Whether a shard is finished."""
    return work.folder.exists(_report_name(shard))


def load_summary(work: Work, report: ShardReport) -> Named:
    """The summary that a shard left behind, verified.

    Raises
    ------
    StorageError
        It is missing or damaged. A damaged one is removed with its report, so that the next attempt
        of the run aggregates the shard anew.
    """
    try:
        return read_arrays(work.folder, _summary_name(report.shard), report.digest)
    except DamagedError:
        forget(work, report.shard)
        raise


def remove_summary(work: Work, shard: int) -> None:
    """Remove what a shard left behind, once it is merged; its report stays."""
    work.folder.remove(_summary_name(shard))


def forget(work: Work, shard: int) -> None:
    """Remove all that a shard left behind, so that the next attempt aggregates it anew."""
    work.folder.remove(_report_name(shard))
    remove_summary(work, shard)


def read_arrays(folder: Folder, name: str, expected: str) -> Named:
    """Stored arrays whose bytes have the digest expected.

    Raises
    ------
    StorageError
        The file is missing.
    DamagedError
        Its content has another digest.
    """
    content = folder.read(name)
    if digest(content) != expected:
        raise DamagedError(
            f"{folder.uri}/{name} is not what was written",
            expected=f"digest {expected[:12]}",
            got=digest(content)[:12],
            hint=AGAIN,
        )
    return from_bytes(content)


def _summary_name(shard: int) -> str:
    return f"summary-{shard:06d}.npz"


def _report_name(shard: int) -> str:
    return f"report-{shard:06d}.json"


def _checkpoint_name(shard: int) -> str:
    return f"checkpoint-{shard:06d}.npz"


def _checkpoint(work: Work, shard: int, dumped: Named, at: _Position) -> None:
    saved = dumped.prefixed("state") | Named(params=asdict(at)).prefixed("position")
    work.folder.write(_checkpoint_name(shard), to_pieces(saved), durable=False)


def _restore(work: Work, shard: int, first: int) -> tuple[Any, _Position]:
    """The state to go on from, and where it has come to; a damaged checkpoint is left out."""
    if work.resumable and work.folder.exists(_checkpoint_name(shard)):
        try:
            saved = from_bytes(work.folder.read(_checkpoint_name(shard)))
            at = _POSITION.validate_python(saved.part("position").params)
            return work.aggregator.load(saved.part("state")), at
        except (StorageError, KeyError, TypeError, ValueError):  # ValidationError is a ValueError
            _discard(work, _checkpoint_name(shard), shard)
    return work.aggregator.start(work.model()), _Position(first)


def _discard(work: Work, name: str, shard: int) -> None:
    log.warning("%s/%s is damaged: shard %d is aggregated anew", work.folder.uri, name, shard)
    work.folder.remove(name)


_REPORT = TypeAdapter(ShardReport)
_POSITION = TypeAdapter(_Position)


@lru_cache(maxsize=1)
def _load(reference: Reference) -> Named:
    return read_arrays(reference.folder, reference.name, reference.digest)
