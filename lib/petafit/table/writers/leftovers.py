"""Removal of what dead runs left in and beside a table, by the next run that writes to it.

The records of writing runs are in a Delta table's own folder, and beside that of a Parquet table.
"""

import logging
from collections.abc import Iterator

from petafit.errors import StorageError
from petafit.store import owner
from petafit.store.filesystem import Folder
from petafit.table.snapshot import Format
from petafit.table.writers.delta_commit import application, committed_version
from petafit.table.writers.swap import REPLACED, drop_replaced, roll_back, staging_folder

log = logging.getLogger("petafit")

_IN_DELTA = "_petafit_writing"
_BESIDE = ".writing-"


def note(table: Folder, format: Format, key: str, run: str) -> bool:
    """Record the run that writes under a key; False if an earlier attempt has recorded it."""
    folder, prefix = _place(table, format)
    return owner.note(folder, f"{prefix}{key}", run)


def forget(table: Folder, format: Format, key: str) -> None:
    """Remove the record: the written files belong to the table."""
    folder, prefix = _place(table, format)
    owner.forget(folder, f"{prefix}{key}")


def remove_leftovers(table: Folder, format: Format, own_key: str) -> None:
    """Remove files without a living owner, and restore a table that a dead run had moved away.

    Files that cannot be inspected are left for the next time.
    """
    try:
        for key, run in _noted(table, format):
            if key != own_key:
                with owner.in_place_of(run) as dead:
                    if dead:
                        log.info("removing what the dead run %s left at %s", run, table.uri)
                        _remove(table, format, key)
        if format == "parquet":
            _bring_back(table)
        table.remove_abandoned()
        _place(table, format)[0].remove_abandoned()
    except StorageError as error:
        log.warning("what dead runs left at %s stays there: %s", table.uri, error)


def _remove(table: Folder, format: Format, key: str) -> None:
    if format == "parquet":
        roll_back(table, key)
        staging_folder(table, key).remove()
        drop_replaced(table, key)
    elif committed_version(table, application(key)) is None:
        table.remove(key)
    forget(table, format, key)


def _bring_back(table: Folder) -> None:
    """Undo an interrupted swap by a release of petafit that recorded no owners."""
    if not table.exists():
        parent, name = table.split()
        noted = {key for key, _ in _noted(table, "parquet")}
        for sibling in parent.names():
            key = sibling.removeprefix(f"{name}{REPLACED}")
            if key != sibling and key not in noted:
                roll_back(table, key)


def _noted(table: Folder, format: Format) -> Iterator[tuple[str, str]]:
    """Return the keys under which runs write, or planned to, and these runs' folders."""
    folder, prefix = _place(table, format)
    for name, run in owner.noted(folder, prefix):
        yield name.removeprefix(prefix), run


def _place(table: Folder, format: Format) -> tuple[Folder, str]:
    """Return the folder of the records, and their names' prefix there."""
    if format == "delta":
        return table.child(_IN_DELTA), ""
    parent, name = table.split()
    return parent, f"{name}{_BESIDE}"
