"""Atomic replacement of a table's folder, or of a part of a Parquet table.

The new folder is complete before the old one is moved away; the files of the remaining part are
linked into it.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from petafit.errors import ConfigurationError, ConflictError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.parquet.snapshot import open_parquet
from petafit.table.snapshot import Format
from petafit.table.writers.scope import Scope, other_partitions, other_type
from petafit.table.writers.types import written_schema

MARK = "_petafit.json"
STAGING, REPLACED = ".staging-", ".replaced-"

_AWAY = "/"
"""Instead of a key: the table is moved away, to be replaced by another one."""

_LOOKS = 100
_BETWEEN_LOOKS_SECONDS = 0.05

T = TypeVar("T")


def check_replaceable(table: Folder, format: Format) -> None:
    """Refuse to replace a folder that cannot be swapped, or that is not such a table.

    Raises
    ------
    ConfigurationError
        The folder holds a table that petafit did not write or one of the other format, or, for a
        Parquet table, anything else; or the filesystem cannot rename folders.
    """
    names = table.names()
    is_delta = "_delta_log" in names
    parts = [name for name in names if name.endswith(".parquet") or "=" in name]
    if (format == "parquet" and is_delta) or (format == "delta" and parts and not is_delta):
        raise ConfigurationError(
            f"A table of another format lies in {table.uri}",
            expected=format,
            got="delta" if is_delta else "parquet",
            hint="Write to another folder, in the same format, or remove that table first.",
        )
    if (is_delta or parts) and MARK not in names:
        raise ConfigurationError(
            f"The table at {table.uri} would be replaced, but petafit did not write it",
            hint="Write to another folder, or remove that table first.",
        )
    if format == "delta":
        return
    foreign = [name for name in names if name not in parts and not name.startswith("_")]
    if foreign:
        raise ConfigurationError(
            f"{table.uri} would be replaced, but it is no Parquet table",
            got=f"{foreign[0]!r} in it",
            hint="Write to another folder.",
        )
    if not table.can_rename:
        raise ConfigurationError(
            f"A Parquet table at {table.uri} cannot be replaced at once: an object store has no "
            "rename",
            hint="Use format: delta.",
        )


def mark(table: Folder, key: str, source: str | None) -> None:
    """Record in a table's folder that petafit wrote it, under this key, and from which table."""
    table.write_json(MARK, {"key": key, "source": source})


def read_mark(table: Folder) -> Mapping[str, Any]:
    """Read the last record of `mark`; empty if there is none."""
    try:
        return dict(table.read_json(MARK))
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return {}
        raise


def staging_folder(table: Folder, key: str) -> Folder:
    """Return the folder, beside the table, in which new content is assembled."""
    parent, name = table.split()
    return parent.child(f"{name}{STAGING}{key}")


def swap_in(table: Folder, key: str, over: str | None) -> bool:
    """Replace the table marked `over` by the complete content staged under this key.

    The table is missing between two renames; a process interrupted there calls `roll_back`. Of two
    processes only one can rename the table away, and it then sees which table it has.

    Parameters
    ----------
    over : str or None
        None if there was no table.

    Returns
    -------
    bool
        False if another table is there, or has appeared meanwhile: it is unchanged.
    """
    parent, name = table.split()
    staged, replaced = f"{name}{STAGING}{key}", f"{name}{REPLACED}{key}"
    if table.exists():
        parent.remove(replaced)
        if not _moved(parent, name, replaced):
            return False
        if read_mark(parent.child(replaced)).get("key") != over:
            parent.rename(replaced, name)
            return False
    elif over is not None or _standing(table) == _AWAY:
        return False
    return _moved(parent, staged, name)


def roll_back(table: Folder, key: str) -> None:
    """Restore the old table after a swap under this key was interrupted between its renames."""
    parent, name = table.split()
    if not table.exists() and parent.exists(f"{name}{REPLACED}{key}"):
        parent.rename(f"{name}{REPLACED}{key}", name)


def drop_replaced(table: Folder, key: str) -> None:
    """Remove the old table once the new one is in its place."""
    parent, name = table.split()
    parent.remove(f"{name}{REPLACED}{key}")


def steady(table: Folder, look: Callable[[], T]) -> T:
    """Return a view of a table, repeated if the table was swapped meanwhile.

    Raises
    ------
    ConflictError
        It is swapped all the time.
    """
    for _ in range(_LOOKS):
        before = _standing(table)
        try:
            seen = look()
        except StorageError:
            if before == _standing(table) != _AWAY:
                raise
        else:
            if before == _standing(table) != _AWAY:
                return seen
        time.sleep(_BETWEEN_LOOKS_SECONDS)
    raise ConflictError(
        f"{table.uri} is being replaced all the time",
        hint="Run the job again when fewer jobs write to it, or use format: delta.",
    )


def _standing(table: Folder) -> str | None:
    """Return the key of the existing table; None if there is none, and none reappears soon."""
    if table.exists():
        key = read_mark(table).get("key")
        return None if key is None else str(key)
    parent, name = table.split()
    is_away = any(each.startswith(f"{name}{REPLACED}") for each in parent.names())
    return _AWAY if is_away else None


def _moved(parent: Folder, old: str, new: str) -> bool:
    """Rename; False where another process was faster.

    A folder that was missing for the rename may be back when it is looked for: the error decides.
    """
    try:
        parent.rename(old, new)
    except StorageError as error:
        lost = isinstance(error.__cause__, FileNotFoundError) or not parent.exists(old)
        if not lost and not parent.exists(new):
            raise
        return False
    return True


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
