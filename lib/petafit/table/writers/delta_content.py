"""Current content of a Delta table, of which a part is to be replaced."""

import time
from collections.abc import Sequence
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable, Field, Schema
from deltalake.transaction import RemoveAction

from petafit.store.filesystem import Folder
from petafit.table.delta import LOG, open_log
from petafit.table.writers.scope import Scope, as_text, other_partitions, other_type
from petafit.table.writers.types import written_schema


def open_if_there(folder: Folder) -> DeltaTable | None:
    """Open the newest version of a table; None if there is none. Errors as `open_log`."""
    return open_log(folder) if folder.child(LOG).names() else None


def files_within(folder: Folder, scope: Scope) -> frozenset[str]:
    """Return the relative paths of a table's files in a scope; none if there is no table.

    Raises
    ------
    StorageError
        The log cannot be read.
    """
    table = open_if_there(folder)
    return frozenset() if table is None else frozenset(active(table, scope))


def rows_below(table: DeltaTable, prefix: str) -> dict[str, int]:
    """Return a table's files whose paths have a prefix, each with its number of rows by the log."""
    actions = pa.table(table.get_add_actions(flatten=True)).select(["path", "num_records"])
    pairs = zip(*(column.to_pylist() for column in actions.columns), strict=True)
    return {unquote(path): rows or 0 for path, rows in pairs if path.startswith(prefix)}


def check_fits(folder: Folder, schema: pa.Schema, partition_by: Sequence[str]) -> None:
    """Refuse rows that do not fit the remaining ones.

    Raises
    ------
    ConfigurationError
        The table is partitioned by other columns, or has a column of another type.
    """
    table = open_if_there(folder)
    if table is not None:
        new_fields(folder, table, schema, partition_by)


def active(table: DeltaTable, scope: Scope) -> dict[str, RemoveAction]:
    """Return the files in a scope by path, each with the action that removes it."""
    columns = table.metadata().partition_columns
    if not set(scope.columns) <= set(columns):
        return {}
    actions = pa.table(table.get_add_actions(flatten=True))
    names = ["path", "size_bytes", *(f"partition.{name}" for name in columns)]
    now = int(time.time() * 1000)
    found = {}
    for path, size, *values in zip(*(actions[name].to_pylist() for name in names), strict=True):
        partition = dict(zip(columns, values, strict=True))
        if scope.covers(partition):
            text = dict(zip(columns, as_text(columns, partition), strict=True))
            path = unquote(path)  # the log holds URIs, and delta-rs encodes paths itself
            found[path] = RemoveAction(path, True, now, size, text)
    return found


def new_fields(
    folder: Folder, table: DeltaTable, schema: pa.Schema, partition_by: Sequence[str]
) -> list[Field]:
    """Return the columns that the table lacks, if the others fit."""
    columns = table.metadata().partition_columns
    if columns != list(partition_by):
        raise other_partitions(folder, columns, partition_by)
    known = {field.name: field.type for field in table.schema().fields}
    fields = Schema.from_arrow(written_schema(schema)).fields
    for field in fields:
        if known.get(field.name, field.type) != field.type:
            raise other_type(folder, field.name, known[field.name], field.type)
    return [field for field in fields if field.name not in known]
