"""Ownership of unfinished work in a shared place by a run, which may have died.

A process records its work there beforehand, in a note with its run's folder, and removes the note
when the work is complete.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from petafit.errors import ConfigurationError, ConflictError, StorageError
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease
from petafit.store.run_manifest import MANIFEST

_ENDING = ".json"


def note(folder: Folder, name: str, run: str) -> bool:
    """Record a run as the owner of a name; False if the name was recorded before."""
    is_new = not folder.exists(f"{name}{_ENDING}")
    folder.write_json(f"{name}{_ENDING}", {"run": run})
    return is_new


def forget(folder: Folder, name: str) -> None:
    """Remove a note."""
    folder.remove(f"{name}{_ENDING}")


def noted(folder: Folder, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names in a folder's notes that have a prefix, each with its run's folder."""
    for name in folder.names():
        if name.startswith(prefix) and name.endswith(_ENDING):
            with suppress(StorageError):  # damaged, or just removed
                found = folder.read_json(name)
                if isinstance(found, dict) and isinstance(found.get("run"), str):
                    yield name.removesuffix(_ENDING), found["run"]


@contextmanager
def in_place_of(run: str) -> Iterator[bool]:
    """Yield whether the run in this folder is dead; if so, it cannot be resumed within the block.

    A run is dead if no process holds its lease, or if its folder is missing. One that cannot be
    inspected counts as alive.

    Parameters
    ----------
    run : str
        URI of the run's folder.
    """
    lease = None
    try:
        folder = Folder(run)
        if folder.exists(MANIFEST):
            lease = Lease(folder.child("lease"))
            lease.acquire()
    except (ConfigurationError, ConflictError, StorageError):
        yield False
        return
    try:
        yield True
    finally:
        if lease:
            lease.release()
