"""Row groups of a Parquet file as batches of the selected columns."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import ContractError, StorageError
from petafit.stream.batches import as_type, one_code_a_row
from petafit.stream.nested import spelled_as
from petafit.stream.parquet.chunks import check_others, coded_columns
from petafit.stream.parquet.dictionary_column import CodedColumn
from petafit.stream.parquet.old_calendar import old_calendar
from petafit.table.columns import STRINGS, canonical
from petafit.table.filters.predicate import RowFilter
from petafit.table.parquet.column_chunks import ranges_of
from petafit.table.parquet.snapshot import UNREADABLE, OpenFile, unreadable
from petafit.table.shards import Slice

_CHUNK_BYTES = 24 << 20
_DECODED_BYTES = 8
"""Upper limit of a decoded value's size, without long texts."""


def row_groups(
    footer: pq.FileMetaData,
    part: Slice,
    predicate: RowFilter,
    *,
    stored: Mapping[str, str],
    schema: pa.Schema,
) -> tuple[list[int], int]:
    """Return the row groups in a slice that may have rows selected by a predicate.

    A row group is in a slice if its middle byte is: each has exactly one slice of a plan.

    Parameters
    ----------
    stored : mapping of str to str
        The columns that the file has, each with its name there.
    schema : pyarrow.Schema
        Includes the columns of the predicate.

    Returns
    -------
    list of int
        Numbers of the row groups.
    int
        Number of rows of the slice's other row groups, which are excluded by statistics.
    """
    # partition values override the file's statistics
    decides = set(predicate.columns) - set(part.partition)
    calendar = old_calendar(footer, part.path, stored)  # statistics are of stored values
    meant = {
        stored[name]: name
        for name in stored
        if name in decides and not (calendar and calendar.changes(schema.field(name)))
    }
    types = {own: schema.field(name).type for own, name in meant.items()}
    wanted, excluded = [], 0
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        if not part.start <= min(_middle(group), part.size - 1) < part.stop:
            continue
        ranges = {meant[own]: found for own, found in ranges_of(group, types).items()}
        if predicate.excludes_between(ranges):
            excluded += group.num_rows
        else:
            wanted.append(number)
    return wanted, excluded


def promised_rows(footer: pq.FileMetaData, part: Slice) -> int:
    """Return the rows of a file, for the slice with its first byte; 0 for other slices."""
    if part.start > 0:
        return 0
    return int(footer.num_rows if part.rows is None else part.rows)


def read_row_group(
    file: OpenFile,
    group: int,
    *,
    part: Slice,
    stored: Mapping[str, str],
    schema: pa.Schema,
    batch_rows: int,
    wanted: range,
) -> Iterator[pa.RecordBatch]:
    """Yield some of a row group's batches, with all columns of a schema.

    Parameters
    ----------
    stored : mapping of str to str
        The columns that the file has, each with its name there; the others are partition values,
        or null.
    wanted : range
        The batches to yield; those before them are decoded, too.

    Raises
    ------
    StorageError
        The row group is damaged.
    """
    footer = file.footer.row_group(group)
    rows, last = 0, wanted.stop * batch_rows
    try:
        coded = coded_columns(file, group, stored.values())
        others = [name for name in stored.values() if name not in coded]
        check_others(file, group, frozenset(others))
        for chunk in file.parquet.iter_batches(
            min(_chunk_rows(footer, len(schema), batch_rows), last),
            row_groups=[group],
            columns=others,
            use_threads=False,
        ):
            _check_codes(chunk)
            if coded:
                read = [_read(column, chunk.num_rows, name) for name, column in coded.items()]
                names = [*chunk.schema.names, *coded]
                chunk = pa.RecordBatch.from_arrays([*chunk.columns, *read], names)
                del read
            for start in range(0, chunk.num_rows, batch_rows):
                if (rows + start) // batch_rows in wanted:
                    batch = chunk.slice(start, batch_rows)
                    yield _completed(batch, part, stored, schema, file.dictionaries)
            rows += chunk.num_rows
            if rows >= last:
                return
            del chunk  # its memory is reused for the next one
    except UNREADABLE as error:
        raise unreadable(part.path, error) from error
    if rows != footer.num_rows:
        raise StorageError(
            f"{part.path} ends early in row group {group}",
            expected=f"{footer.num_rows} rows",
            got=f"{rows} rows",
        )


def _read(column: CodedColumn, rows: int, name: str) -> pa.DictionaryArray:
    try:
        return column.read(rows)
    except pa.ArrowException as error:
        raise pa.ArrowInvalid(f"column {name!r} has {error}") from error


def _middle(group: pq.RowGroupMetaData) -> int:
    columns = [group.column(number) for number in range(group.num_columns)]
    start = columns[0].dictionary_page_offset or columns[0].data_page_offset
    return int(start + sum(column.total_compressed_size for column in columns) // 2)


def _chunk_rows(group: pq.RowGroupMetaData, columns: int, batch_rows: int) -> int:
    """Return the rows to decode at a time: batches that fit into `_CHUNK_BYTES`, at least one.

    The setup for each chunk would take a tenth of the decoding time if a chunk were one batch.
    """
    row_bytes = group.total_byte_size / max(group.num_rows, 1) + _DECODED_BYTES * columns
    return batch_rows * max(int(_CHUNK_BYTES / row_bytes / batch_rows), 1)


def _check_codes(batch: pa.RecordBatch) -> None:
    """Refuse dictionary indices out of range: pyarrow trusts them in files with an Arrow schema.

    Raises
    ------
    pyarrow.ArrowIndexError
    """
    for values in batch.columns:
        if isinstance(values, pa.DictionaryArray) and len(values):
            codes = values.indices
            width = codes.type.byte_width
            raw = np.frombuffer(codes.buffers()[1], f"u{width}", len(codes), width * codes.offset)
            if raw.max() >= len(values.dictionary):  # unless it belongs to a null
                pa.DictionaryArray.from_arrays(codes, values.dictionary, safe=True)


def _completed(
    batch: pa.RecordBatch,
    part: Slice,
    stored: Mapping[str, str],
    schema: pa.Schema,
    dictionaries: Sequence[str],
) -> pa.RecordBatch:
    """Add partition values, and nulls for columns that the file lacks.

    Parameters
    ----------
    dictionaries : sequence of str
        Columns whose texts recur, for which dictionaries are built.
    """
    if batch.schema.equals(schema):
        return batch
    arrays = [
        _as_type(
            batch.column(stored[field.name]),
            field,
            part,
            is_coded=stored[field.name] in dictionaries,
        )
        if field.name in stored
        else _repeated(part.partition.get(field.name), field.type, batch.num_rows)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_type(values: pa.Array, column: pa.Field, part: Slice, *, is_coded: bool) -> pa.Array:
    """Convert like `as_type`, but match fields of structs by name in any letter case, and build no
    dictionary of texts that the file stores plainly.
    """
    if column.type == STRINGS and not is_coded and not isinstance(values, pa.DictionaryArray):
        return one_code_a_row(values.cast(pa.string()))
    if pa.types.is_nested(column.type):
        values = spelled_as(values, column.type, exact=part.exact_names)
    try:
        return as_type(values, column.type)
    except pa.ArrowInvalid as error:
        alike = canonical(values.type) == canonical(column.type)
        if alike and not pa.types.is_timestamp(values.type):
            raise
        raise ContractError(
            f"Column {column.name!r} of {part.path} has values that the table's type does not hold",
            expected=f"values of type {column.type}",
            got=error,
            hint="Write the file anew in the type of the others, or leave the column out.",
        ) from error


def _repeated(value: object, kind: pa.DataType, rows: int) -> pa.Array:
    if value is None:
        return pa.nulls(rows, kind)
    if kind == STRINGS:
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), [value])
    return pa.repeat(pa.scalar(value, kind), rows)
