"""Check that a run's output still exists: every file it added, or their rows in other files."""

import json
from collections.abc import Collection

from petafit.store.filesystem import Folder
from petafit.store.plain import from_json
from petafit.table.delta.location import LOG
from petafit.table.writers.delta_commit import application, committed_version
from petafit.table.writers.delta_content import open_if_there, rows_below


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
