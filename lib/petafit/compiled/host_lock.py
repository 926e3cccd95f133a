"""A lock that lets one process of a host compile while the others wait for what it saves."""

import fcntl
import os
import time
from pathlib import Path

_LONGEST_SECONDS = 300.0
_POLL_SECONDS = 0.05


class HostLock:
    """A lock on a file; it is nobody's once the process that holds it has ended.

    Waiting is limited, and a folder without locks is used without: the worst that may come of it is
    that two processes compile the same.

    Parameters
    ----------
    path : Path
        Its file; made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Wait until no other process holds the lock; does nothing if this one does."""
        if self._file is not None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        give_up = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < give_up:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_POLL_SECONDS)
            except OSError:  # a filesystem without locks
                return
            else:
                return

    def release(self) -> None:
        """Let another process have the lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
