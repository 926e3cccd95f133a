"""Who owns what lies half-made in a shared place: a run, which may have died."""

from collections.abc import Iterator
from contextlib import contextmanager

from petafit.errors import ConflictError, StorageError
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease
from petafit.store.run import MANIFEST


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
    except (ConflictError, StorageError):
        yield False
        return
    try:
        yield True
    finally:
        if lease:
            lease.release()
