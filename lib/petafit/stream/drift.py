"""Whether a file is as the table and its log promise."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import ContractError, StorageError, did_you_mean
from petafit.table.shards import Slice
from petafit.table.types import canonical, footer_schema


def stored(schema: pa.Schema, part: Slice) -> list[pa.Field]:
    """The columns that a file itself must have."""
    return [field for field in schema if field.name not in part.partition]


def check_footer(footer: pq.FileMetaData, part: Slice, schema: pa.Schema) -> list[str]:
    """The columns of a schema that a file has.

    Raises
    ------
    StorageError
        It does not hold the rows that the log promises.
    ContractError
        It lacks a column or has it in another type than the schema.
    """
    _check_rows(footer, part)
    return _check_columns(footer, part, stored(schema, part))


def _check_rows(footer: pq.FileMetaData, part: Slice) -> None:
    if part.rows not in (None, footer.num_rows):
        raise StorageError(
            f"{part.path} does not hold the rows that the table's log promises",
            expected=f"{part.rows} rows",
            got=f"{footer.num_rows} rows",
        )


def _check_columns(footer: pq.FileMetaData, part: Slice, wanted: Sequence[pa.Field]) -> list[str]:
    """The wanted columns that the file has, after a check of their types."""
    found = footer_schema(footer)
    present = []
    for column in wanted:
        kind = canonical(column.type)
        if column.name not in found.names:
            if part.absent_is_null:
                continue
            hint = did_you_mean(column.name, found.names)
            raise _drift(column.name, part, expected=kind, got="no such column", hint=hint)
        if not _fits(found.field(column.name).type, kind):
            raise _drift(column.name, part, expected=kind, got=found.field(column.name).type)
        present.append(column.name)
    return present


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Equal types, timestamps that differ in their unit only, or a column without any value."""
    if pa.types.is_null(found):
        return True
    if pa.types.is_timestamp(found) and pa.types.is_timestamp(wanted):
        return bool(found.tz == wanted.tz)
    return bool(found == wanted)


def _drift(
    column: str, part: Slice, *, expected: object, got: object, hint: str = ""
) -> ContractError:
    what = f"Column {column!r} of {part.path} is not as in the rest of the table"
    return ContractError(what, expected=expected, got=got, hint=hint)
