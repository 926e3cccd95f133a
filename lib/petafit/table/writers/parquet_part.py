"""The remaining part of a Parquet table when another part of it is replaced."""

from collections.abc import Callable, Collection, Sequence

import pyarrow as pa

from petafit.errors import ConfigurationError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.parquet.snapshot import open_parquet
from petafit.table.writers.scope import Scope, other_partitions, other_type
from petafit.table.writers.swap import MARK
from petafit.table.writers.types import written_schema


def files_in(table: Folder, scope: Scope) -> frozenset[str]:
    """Return a table's files in a scope, as paths relative to its folder."""
    lies_within = _test(scope)
    return frozenset(name for name in _files(table) if lies_within(name))


def keep_rest(table: Folder, staging: Folder, scope: Scope, own: Collection[str]) -> bool:
    """Link the table's files outside a scope into the staged table.

    Parameters
    ----------
    own : collection of str
        The staged files; all others there are of an earlier attempt, and are removed.

    Returns
    -------
    bool
        False if the table was changed meanwhile.
    """
    if scope.is_whole:
        return True
    for name in {*staging.files()} - {*own, MARK}:
        staging.remove(name)
    lies_within = _test(scope)
    for name in _files(table):
        if not lies_within(name):
            try:
                staging.link(name, table)
            except StorageError:
                if table.exists(name):
                    raise
                return False
    return True


def check_fits_files(table: Folder, schema: pa.Schema, partition_by: Sequence[str]) -> None:
    """Refuse rows that do not fit the remaining ones.

    Raises
    ------
    ConfigurationError
        The table has other columns or partition columns, or its filesystem has no hard links.
    """
    if not _files(table):
        return
    if not table.is_local:
        raise ConfigurationError(
            f"A part of the Parquet table {table.uri} cannot be replaced at once",
            expected="a table on the local disk",
            hint="Use format: delta.",
        )
    snapshot = open_parquet(table.uri)
    if snapshot.partition_columns != tuple(partition_by):
        raise other_partitions(table, snapshot.partition_columns, partition_by)
    wanted = {field.name: field.type for field in written_schema(schema)}
    known = {field.name: field.type for field in snapshot.schema}
    for name in dict.fromkeys((*wanted, *known)):
        if name not in partition_by and known.get(name) != wanted.get(name):
            raise other_type(table, name, known.get(name), wanted.get(name))


def _files(table: Folder) -> list[str]:
    return [name for name in table.files() if name.endswith(".parquet")]


def _test(scope: Scope) -> Callable[[str], bool]:
    """Return a function that tests by its folder whether a file is in a scope."""
    depth, folders = len(scope.columns), scope.folders
    return lambda name: "/".join(name.split("/")[:-1][:depth]) in folders
