"""A sample of rows from all over a table, at a cost independent of the table's size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from petafit.stream.parquet.slices import read_slice
from petafit.table.parquet.snapshot import open_file
from petafit.table.shards import Slice, slice_of
from petafit.table.snapshot import DataFile, Snapshot, spread

_PLACES = 16
_CELLS = 5_000_000
_BYTES = 128 << 20
_BATCH_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows of a table; not a random sample, since they come in runs.

    Attributes
    ----------
    rows : pyarrow.Table
        The sampled rows, in the types of the table's schema.
    total : int
        Number of rows of the table by its log or its files' footers.
    total_is_certain : bool
        False if it was extrapolated from the footers of some files.
    """

    rows: pa.Table
    total: int
    total_is_certain: bool

    @property
    def is_whole(self) -> bool:
        """Return whether the sample has all rows of the table."""
        return self.total_is_certain and self.rows.num_rows == self.total


def take_sample(
    snapshot: Snapshot, columns: Sequence[str], *, rows: int = 100_000, reach: int = 1
) -> Sample:
    """Read the first rows at up to 16 places, spread evenly over the table's files and within them.

    Parameters
    ----------
    rows : int
        Upper limit of the sampled rows; fewer if rows are wide.
    reach : int
        How many times as many rows are read, so that the sampled ones, runs at even distances,
        tell more of a place than how it begins. Files are often sorted.

    Raises
    ------
    StorageError
        A file is damaged or missing.
    ContractError
        A file lacks a column, or has it in another type than the table.
    """
    files = spread(snapshot.files, _PLACES)
    footers = [_footer(file) for file in files]
    schema = pa.schema([snapshot.schema.field(name) for name in columns])
    places = [
        place
        for file, (count, groups) in zip(files, footers, strict=True)
        for place in _places(file, count, groups, len(files), snapshot)
    ]
    batches: list[pa.RecordBatch] = []
    left = min(rows, _CELLS // max(1, len(columns)))
    for i, (place, there) in enumerate(places):
        wanted = left // (len(places) - i)
        thinning = max(1, min(reach, there // max(1, wanted)))
        found = list(_some_rows(place, schema, rows=wanted, thinning=thinning))
        left -= sum(batch.num_rows for batch in found)
        batches += found
    counted = sum(count for count, _ in footers)
    total, certain = _total(snapshot, files, counted)
    return Sample(pa.Table.from_batches(batches, schema), total, certain)


def _footer(file: DataFile) -> tuple[int, int]:
    """Return the number of rows and of row groups of a file."""
    with open_file(file.path, size=file.size) as opened:
        return opened.footer.num_rows, opened.footer.num_row_groups


def _places(
    file: DataFile, count: int, groups: int, files: int, snapshot: Snapshot
) -> Iterator[tuple[Slice, int]]:
    """Yield byte ranges of a file, at most as many as its row groups, and about how many rows."""
    ranges = max(1, min(groups, _PLACES // files))
    for number in range(ranges):
        start, stop = (file.size * place // ranges for place in (number, number + 1))
        yield replace(slice_of(file, start, stop, snapshot), rows=None), count // ranges


def _some_rows(
    place: Slice, schema: pa.Schema, *, rows: int, thinning: int
) -> Iterator[pa.RecordBatch]:
    """Yield the first rows of a place, or of each batch one in `thinning`."""
    room = _BYTES // _PLACES
    for batch in read_slice(place, schema, _BATCH_ROWS):
        taken = batch.slice(0, min(rows, -(-batch.num_rows // thinning)))
        yield taken
        rows -= taken.num_rows
        room -= taken.nbytes
        if rows <= 0 or room <= 0:
            return


def _total(snapshot: Snapshot, files: Sequence[DataFile], counted: int) -> tuple[int, bool]:
    if snapshot.rows is not None:
        return snapshot.rows, True
    if len(files) == len(snapshot.files):
        return counted, True
    everything = sum(file.size for file in snapshot.files)
    return round(counted * everything / sum(file.size for file in files)), False
