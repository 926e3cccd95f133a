"""Assignment of a table's files to shards, each of which reads byte ranges of some of them."""

import functools
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from petafit.table.filters.predicate import RowFilter
from petafit.table.snapshot import DataFile, Snapshot

SMALLEST_RANGE = 1 << 20
_SMALLEST_SPREAD = 128 << 20
_SPREAD = 4


@dataclass(frozen=True, slots=True)
class Slice:
    """A byte range of a file: it stands for the row groups whose midpoint lies in it.

    Attributes
    ----------
    size : int
        Size of the whole file, in bytes.
    start, stop : int
        Half-open range of bytes.
    rows : int or None
        Number of rows of the whole file by the table's log.
    partition : mapping of str to object
        Values of the partition columns.
    absent_is_null : bool
        A column missing from the file is null, as in Delta; otherwise it is drift, as in Parquet.
    exact_names : bool
        Names are case-sensitive: some columns of the table differ in letter case only.
    """

    path: str
    size: int
    start: int
    stop: int
    rows: int | None
    partition: Mapping[str, object]
    absent_is_null: bool
    exact_names: bool = False


Shard = tuple[Slice, ...]


def plan(snapshot: Snapshot, *, shards: int, predicate: RowFilter) -> tuple[Shard, ...]:
    """Split a table into shards of equal size, without opening a file.

    Files whose partition the predicate excludes are left out. The others are assigned in the order
    of their paths, each to the smallest shard so far, so that a table sorted by time is interleaved
    over all shards. A file is cut where it would exceed a shard's equal part. Files above a quarter
    of that part are cut beforehand, so that each shard reads from several of them, but not into
    ranges below 128 MiB: those may contain no row group's midpoint.

    There are at most as many shards as the estimated number of row groups, one for each MiB of a
    file. That is generous on purpose: a range without a row group costs reading the footer, a
    missing shard costs an idle core. No shard exceeds its equal part by more than 2 MiB.

    Raises
    ------
    ConfigurationError, ContractError
        The predicate does not fit the table.
    """
    predicate.check(snapshot.schema)
    files = wanted_files(snapshot.files, predicate)
    likely = sum(max(1, file.size // SMALLEST_RANGE) for file in files)
    count = max(1, min(shards, likely))
    dealt: list[list[Slice]] = [[] for _ in range(count)]
    for shard, file, start, stop in _deal(files, count):
        dealt[shard].append(slice_of(file, start, stop, snapshot))
    return tuple(map(tuple, dealt))


def wanted_files(files: Sequence[DataFile], predicate: RowFilter) -> list[DataFile]:
    """Return the files whose partition the predicate does not exclude."""

    @functools.cache
    def is_excluded(partition: tuple[tuple[str, object], ...]) -> bool:
        return predicate.excludes(dict(partition))

    return [file for file in files if not is_excluded(tuple(file.partition.items()))]


def _deal(files: Sequence[DataFile], count: int) -> Iterator[tuple[int, DataFile, int, int]]:
    """Assign ranges of the files in order, each to the smallest shard so far."""
    part = -(-sum(file.size for file in files) // count)
    largest = max(part // _SPREAD, _SMALLEST_SPREAD)
    loads = [(0, shard) for shard in range(count)]
    for file in files:
        for start, stop in _ranges(file.size, largest=largest):
            while True:
                load, shard = heapq.heappop(loads)
                end = _cut(start, stop, room=part - load)
                heapq.heappush(loads, (load + end - start, shard))
                yield shard, file, start, end
                if end == stop:
                    break
                start = end


def _ranges(size: int, *, largest: int) -> Iterator[tuple[int, int]]:
    """Split a file into equal byte ranges; an empty file, refused by its reader, is one too."""
    pieces = max(1, -(-size // largest))
    bounds = [size * number // pieces for number in range(pieces + 1)]
    return pairwise(bounds)


def _cut(start: int, stop: int, *, room: int) -> int:
    """Return where to cut a range for a shard, so that neither part is too small to be useful."""
    end = start + max(room, SMALLEST_RANGE)
    return end if stop - end >= SMALLEST_RANGE else stop


def slice_of(file: DataFile, start: int, stop: int, snapshot: Snapshot) -> Slice:
    """Make the slice of a byte range of a file."""
    return Slice(
        path=file.path,
        size=file.size,
        start=start,
        stop=stop,
        rows=file.rows,
        partition=file.partition,
        absent_is_null=snapshot.format == "delta",
        exact_names=snapshot.exact_names,
    )
