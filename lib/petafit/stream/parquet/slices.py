"""The rows of a slice of a file, the unit of a shard's plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from petafit.stream.batches import Tally
from petafit.stream.parquet.drift import check_footer, names_in, stored
from petafit.stream.parquet.old_calendar import old_calendar
from petafit.stream.parquet.rowgroups import promised_rows, read_row_group, row_groups
from petafit.table.columns import STRINGS, footer_schema
from petafit.table.filters.predicate import Predicate, RowFilter
from petafit.table.parquet.snapshot import open_file
from petafit.table.shards import Slice

EVERY_ROW = Predicate()
ALL_BATCHES = range(2**62)


def read_slice(
    part: Slice,
    schema: pa.Schema,
    batch_rows: int,
    predicate: RowFilter = EVERY_ROW,
    batches: range = ALL_BATCHES,
    tally: Tally | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a slice's row groups, or some of them.

    Row groups in which the predicate can select no row are not decoded, and have no batches.

    Raises
    ------
    StorageError
        The file is damaged, missing or changed since the plan.
    ContractError
        It lacks a column or has it in another type than the schema.
    """
    strings = [field.name for field in stored(schema, part) if field.type == STRINGS]
    tally = tally or Tally()
    with open_file(part.path, size=part.size, dictionaries=strings) as file:
        present = check_footer(file.footer, part, schema)
        groups, excluded = row_groups(file.footer, part, predicate, stored=present, schema=schema)
        calendar = old_calendar(file.footer, part.path, present)
        if batches == ALL_BATCHES:
            tally.read += excluded
            tally.promised += promised_rows(file.footer, part)
        before = 0
        for group in groups:
            count = -(-file.footer.row_group(group).num_rows // batch_rows)
            wanted = range(max(batches.start - before, 0), min(batches.stop - before, count))
            if wanted:
                for batch in read_row_group(
                    file,
                    group,
                    part=part,
                    stored=present,
                    schema=schema,
                    batch_rows=batch_rows,
                    wanted=wanted,
                ):
                    tally.read += batch.num_rows
                    yield calendar.corrected(batch) if calendar else batch
            before += count


def check_file(part: Slice, schema: pa.Schema, tally: Tally) -> pa.Schema:
    """Check a file's footer only, and return its columns; raises like `read_slice`."""
    with open_file(part.path, size=part.size) as file:
        present = check_footer(file.footer, part, schema)
        groups, _ = row_groups(file.footer, part, EVERY_ROW, stored=present, schema=schema)
        tally.read += sum(file.footer.row_group(group).num_rows for group in groups)
        tally.promised += promised_rows(file.footer, part)
        return footer_schema(file.footer)


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of batches and rows of a slice.

    Attributes
    ----------
    batches : list of int
        Number of batches of each row group that is read.
    excluded : int
        Rows of row groups that are excluded.
    promised : int
        Rows of the file, if its first byte is in the slice.
    """

    batches: list[int]
    excluded: int
    promised: int


@lru_cache(maxsize=1 << 16)
def count_batches(
    path: str,
    *,
    size: int,
    start: int,
    stop: int,
    rows: int | None,
    partitioned_by: tuple[str, ...],
    exact_names: bool,
    batch_rows: int,
    predicate: RowFilter,
    schema: pa.Schema,
) -> Counts:
    """Count the batches of a slice; its footer is read once per worker."""
    with open_file(path, size=size) as file:
        partition = dict.fromkeys(partitioned_by)
        part = Slice(path, size, start, stop, rows, partition, False, exact_names)
        present = names_in(file.footer.schema.to_arrow_schema().names, part, schema)
        groups, excluded = row_groups(file.footer, part, predicate, stored=present, schema=schema)
        batches = [-(-file.footer.row_group(group).num_rows // batch_rows) for group in groups]
        return Counts(batches, excluded, promised_rows(file.footer, part))
