"""Work of earlier runs at a table.

What dead runs left in and beside the table is removed by the next run that writes to it; of
finished ones it is checked that their output still exists. The records of writing runs are in a
Delta table's own folder, and beside that of a Parquet table.
"""

import json
import logging
from collections.abc import Collection, Iterator

from petafit.errors import StorageError
from petafit.store import owner
from petafit.store.filesystem import Folder
from petafit.store.plain import from_json
from petafit.table.delta import LOG
from petafit.table.snapshot import Format
from petafit.table.writers.delta_commit import application, committed_version
from petafit.table.writers.delta_content import open_if_there, rows_below
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


def delta_still_has(table: Folder, key: str, rows: int) -> bool:
    """Return whether a Delta table has the rows that were committed under a key.

    It has them if the files of that commit are in the newest version and exist, or if these files
    were only compacted since, as by OPTIMIZE.

    Raises
    ------
    StorageError
        The log cannot be read.
    """
    log = open_if_there(table)
    version = None if log is None else committed_version(table, application(key))
    if log is None or version is None:
        return False
    own = rows_below(log, f"{key}/")
    present = {f"{key}/{name}" for name in table.child(key).files()}
    if not own.keys() <= present:
        return False
    return sum(own.values()) == rows or _only_rearranged(table, key, version, log.version())


def parquet_still_has(table: Folder, files: Collection[str]) -> bool:
    """Return whether a Parquet table has these files, whose names identify their content."""
    return bool(files) and {*files} <= {*table.files()}


def _only_rearranged(table: Folder, key: str, since: int, newest: int) -> bool:
    """Return whether the missing files of a commit were only compacted into others.

    If a later commit changed data of the compacted partitions, the origin of their rows cannot be
    determined.
    """
    log = table.child(LOG)
    rearranged = set()
    for version in range(since + 1, newest + 1):
        entry = f"{version:020}.json"
        if not log.exists(entry):
            return False
        actions = (from_json(line) for line in log.read(entry).splitlines())
        removals = [action["remove"] for action in actions if "remove" in action]
        for removal in removals:
            partition = json.dumps(removal.get("partitionValues"), sort_keys=True)
            if removal["path"].startswith(f"{key}/") or partition in rearranged:
                if removal.get("dataChange", True):
                    return False
                rearranged.add(partition)
    return bool(rearranged)
