"""Who owns what lies half-made in a shared place: a run, which may have died.

Whoever begins something there says so before, in a note that names its run's folder, and takes the
note back when all is done.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from petafit.errors import ConfigurationError, ConflictError, StorageError
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease
from petafit.store.run_manifest import MANIFEST

_ENDING = ".json"


def note(folder: Folder, name: str, run: str) -> bool:
    """Note that a run owns what goes by this name; False where that was noted before."""
    is_new = not folder.exists(f"{name}{_ENDING}")
    folder.write_json(f"{name}{_ENDING}", {"run": run})
    return is_new


def forget(folder: Folder, name: str) -> None:
    """Take a note back."""
    folder.remove(f"{name}{_ENDING}")


def noted(folder: Folder, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The names in a folder's notes that begin so, each with its run's folder."""
    for name in folder.names():
        if name.startswith(prefix) and name.endswith(_ENDING):
            with suppress(StorageError):  # damaged, or just taken back
                told = folder.read_json(name)
                if isinstance(told, dict) and isinstance(told.get("run"), str):
                    yield name.removesuffix(_ENDING), told["run"]


@contextmanager
def in_place_of(run: str) -> Iterator[bool]:
    """Whether the run in this folder is dead; if it is, nobody can resume it within the block.

    A run is dead when no process holds its lease, or when its folder is gone. One that cannot be
    looked at counts as living.

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
