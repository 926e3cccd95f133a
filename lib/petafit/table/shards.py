"""Shards: the slices of a table's files that one task reads, and the plans that deal them."""

import functools
import heapq
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from petafit.config.feature_groups import UnicodeForm
from petafit.errors import ConfigurationError, did_you_mean
from petafit.store.filesystem import Folder
from petafit.table.filters.predicate import RowFilter
from petafit.table.parquet.snapshot import partition_texts
from petafit.table.partitions import folder_of
from petafit.table.snapshot import DataFile, Snapshot

SMALLEST_RANGE = 1 << 20
_SMALLEST_SPREAD = 128 << 20
_SPREAD = 4
MOST_PARTITIONS = 500
"""Limit of partitions whose summaries are kept, and without which models are evaluated."""


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


def plan_by_partition(
    snapshot: Snapshot,
    *,
    columns: Sequence[str],
    predicate: RowFilter,
    form: UnicodeForm | None = None,
) -> tuple[Shard, ...]:
    """Plan a shard for each combination of values of some partition columns.

    A shard reads whole files, in the order of their paths. Partitions that the predicate excludes
    are left out. Shards are as different in size as the partitions.

    Parameters
    ----------
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Values that are one text in this Unicode form are one partition.

    Raises
    ------
    ConfigurationError
        The table is not partitioned by these columns, there are more than 500 combinations, or the
        predicate does not fit the table.
    ContractError
        The predicate names a column that the table lacks.
    """
    predicate.check(snapshot.schema)
    for column in columns:
        if column not in snapshot.partition_columns:
            raise _not_partitioned(snapshot, column)
    dealt: defaultdict[tuple[object, ...], list[Slice]] = defaultdict(list)
    for file in wanted_files(snapshot.files, predicate):
        whole = slice_of(file, 0, file.size, snapshot)
        dealt[tuple(_in_form(file.partition[c], form) for c in columns)].append(whole)
    if len(dealt) > MOST_PARTITIONS:
        raise ConfigurationError(
            f"`training.keep_summaries` would keep {len(dealt):,} summaries of {snapshot.uri}",
            expected=f"at most {MOST_PARTITIONS} values of {', '.join(columns)}",
            got=f"{len(dealt):,}",
            hint="Name coarser partition columns, or fewer rows in `split.train`.",
        )
    return tuple(map(tuple, dealt.values())) or ((),)


def partition_name(
    snapshot: Snapshot, columns: Sequence[str], part: Slice, form: UnicodeForm | None = None
) -> str:
    """Return the partition of a file by some columns, named as Hive names folders.

    Values are spelled as in a Parquet table's own folders, ``month=01``, in the Unicode form given.
    """
    if snapshot.format == "parquet":
        below = Folder(part.path).path.removeprefix(Folder(snapshot.uri).path)
        texts = dict(zip(snapshot.partition_columns, partition_texts(below).values(), strict=True))
    else:
        values = ((column, pa.scalar(part.partition[column])) for column in columns)
        texts = {column: value.cast(pa.string()).as_py() for column, value in values}
    return folder_of(columns, tuple(_in_form(texts[c] or None, form) for c in columns))


def _in_form(value: Any, form: UnicodeForm | None) -> Any:
    return unicodedata.normalize(form, value) if form and isinstance(value, str) else value


def _not_partitioned(snapshot: Snapshot, column: str) -> ConfigurationError:
    known = snapshot.partition_columns
    return ConfigurationError(
        f"`training.keep_summaries` names {column!r}, and {snapshot.uri} is not partitioned by it",
        expected="columns by which the table's files are partitioned",
        got=", ".join(known) or "a table without partitions",
        hint=did_you_mean(column, known) if known else "Write the table in partitions.",
    )
