"""The files of a pass in the run folder: each shard's summary and report, and its checkpoint."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from petafit.errors import DamagedError, StorageError
from petafit.store.arrays import StateDict, digest, from_bytes, to_buffers
from petafit.store.disk import Buffers
from petafit.store.filesystem import Folder

log = logging.getLogger("petafit")

AGAIN = "Run the job again with the same run id: what is damaged is made anew."


@dataclass(frozen=True)
class Reference:
    """Stored arrays by name and digest, so that large ones travel as two strings."""

    folder: Folder
    name: str
    digest: str

    def load(self) -> StateDict:
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
    compiled_kernels : int
        How many it has compiled so far.
    tally : dict
        As `petafit.stream.batches.Tally`: all rows that were read, to be compared with the table.
    """

    shard: int
    rows: int
    digest: str
    peak_memory: int
    compile_seconds: float
    compiled_kernels: int
    tally: dict[str, int]


_REPORT = TypeAdapter(ShardReport)


def find_report(folder: Folder, shard: int) -> ShardReport | None:
    """The report of a shard that an earlier attempt finished; a damaged one is removed."""
    if not has_report(folder, shard):
        return None
    try:
        return _REPORT.validate_json(folder.read(_report_name(shard)))
    except ValidationError:
        _discard(folder, _report_name(shard), shard)
        return None


def has_report(folder: Folder, shard: int) -> bool:
    """True once a shard is finished."""
    return folder.exists(_report_name(shard))


def load_summary(folder: Folder, report: ShardReport) -> StateDict:
    """The summary that a shard left behind, verified.

    Raises
    ------
    StorageError
        It is missing or damaged. A damaged one is removed with its report, so that the next attempt
        of the run aggregates the shard anew.
    """
    try:
        return read_arrays(folder, _summary_name(report.shard), report.digest)
    except DamagedError:
        forget(folder, report.shard)
        raise


def remove_summary(folder: Folder, shard: int) -> None:
    """Remove what a shard left behind, once it is merged; its report stays."""
    folder.remove(_summary_name(shard))


def forget(folder: Folder, shard: int) -> None:
    """Remove all that a shard left behind, so that the next attempt aggregates it anew."""
    folder.remove(_report_name(shard))
    remove_summary(folder, shard)


def read_arrays(folder: Folder, name: str, expected: str) -> StateDict:
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


def save_checkpoint(
    folder: Folder, shard: int, state: StateDict, position: Mapping[str, Any]
) -> None:
    """Keep what a shard's aggregator dumped, and how far it has come."""
    saved = state.prefixed("state") | StateDict(params=position).prefixed("position")
    folder.write(_checkpoint_name(shard), to_buffers(saved), durable=False)


def find_checkpoint(folder: Folder, shard: int) -> tuple[StateDict, Mapping[str, Any]] | None:
    """The last checkpoint and its position; a damaged one is removed."""
    if not folder.exists(_checkpoint_name(shard)):
        return None
    try:
        saved = from_bytes(folder.read(_checkpoint_name(shard)))
    except StorageError:
        discard_checkpoint(folder, shard)
        return None
    return saved.part("state"), saved.part("position").params


def discard_checkpoint(folder: Folder, shard: int) -> None:
    """Remove a checkpoint that is of no use, and say so."""
    _discard(folder, _checkpoint_name(shard), shard)


def remove_checkpoint(folder: Folder, shard: int) -> None:
    """Remove the checkpoint of a shard that is finished."""
    folder.remove(_checkpoint_name(shard))


def write_summary(folder: Folder, content: Buffers, report: ShardReport) -> None:
    """Leave a shard's summary, and then its report, which says that it is finished."""
    folder.write(_summary_name(report.shard), content, durable=False)
    folder.write_json(_report_name(report.shard), asdict(report), durable=False)


def report_rows(folder: Folder, shard: int, rows: int) -> None:
    """Report a shard that is finished and leaves no summary."""
    folder.write_json(_report_name(shard), {"rows": rows}, durable=False)


def _discard(folder: Folder, name: str, shard: int) -> None:
    log.warning("%s/%s is damaged: shard %d is aggregated anew", folder.uri, name, shard)
    folder.remove(name)


def _summary_name(shard: int) -> str:
    return f"summary-{shard:06d}.npz"


def _report_name(shard: int) -> str:
    return f"report-{shard:06d}.json"


def _checkpoint_name(shard: int) -> str:
    return f"checkpoint-{shard:06d}.npz"


@lru_cache(maxsize=1)
def _load(reference: Reference) -> StateDict:
    return read_arrays(reference.folder, reference.name, reference.digest)
