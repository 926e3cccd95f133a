"""Mutual exclusion of processes by a lease that its holder renews, and that ends with its process.

For a process on the same machine, the operating system reports whether it is alive. For another
machine only the age of its claim is known, measured entirely by the storage's clock, since the
machines' own clocks may differ by any amount.
"""

import os
import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from pydantic import Field, TypeAdapter, ValidationError

from petafit.errors import ConflictError, StorageError
from petafit.store.filesystem import Folder

LIVE_SECONDS = 60.0
RENEW_SECONDS = 15.0
_STALLED_SECONDS = 86_400.0
"""A process that exists but has not renewed its claim for this long does not hold the lease."""
_CLAIMS = 5


@dataclass(frozen=True)
class Claim:
    """A process's claim, as stored in its lease file.

    Attributes
    ----------
    machine : str
        Host, boot and process namespace, within which `pid` is unique.
    born : str
        Start time of the process, to distinguish a later one with the same id; may be empty.
    held : bool
        False while the process still checks for other holders.
    renewed_at : float
        Time of the last renewal, in seconds since the epoch.
    """

    host: str
    machine: str
    pid: Annotated[int, Field(gt=0, lt=2**31)]
    born: str
    held: bool
    renewed_at: float

    @property
    def holder(self) -> str:
        """Describe the process."""
        if self is _UNREADABLE:
            return "a process whose lease file is damaged"
        return f"process {self.pid} on {self.host}"

    def is_running(self) -> bool | None:
        """Return whether its process exists; None if only the claim's age can decide."""
        if self.machine != _machine():
            return None
        exists = _is_running(self.pid, self.born)
        return exists if self.born or not exists else None  # a later process may have the id


_UNREADABLE = Claim(host="", machine="", pid=0, born="", held=True, renewed_at=0.0)
"""Replaces a damaged claim: only the age of its file decides whether it is valid."""

_FIELDS = TypeAdapter(Claim)


class Lease:
    """The exclusive right to work in a folder.

    Each process writes its own claim and then reads all others. Of two processes at least the later
    one sees the other's claim, so they never both hold the lease, and no lock or exclusive creation
    is needed: it works on object stores too.

    Parameters
    ----------
    folder : Folder
        The folder of the claims.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._name = f"{uuid4().hex}.json"
        self._released = threading.Event()
        self._renewing: threading.Thread | None = None
        self.is_lost = False

    def acquire(self) -> None:
        """Acquire the lease and keep renewing it in the background.

        Raises
        ------
        ConflictError
            Another process holds it.
        StorageError
            The folder cannot be written.
        """
        try:
            self._claim()
        except BaseException:
            self.release()
            raise
        self._released.clear()
        self._renewing = threading.Thread(target=self._renew, name="petafit lease", daemon=True)
        self._renewing.start()

    def release(self) -> None:
        """Release the lease."""
        self._released.set()
        if self._renewing is not None:
            self._renewing.join()  # otherwise it could write the claim again after the removal
        with suppress(StorageError):  # a claim that cannot be removed expires
            self._folder.remove(self._name)

    def is_held_by_another(self) -> bool:
        """Return whether another process may be at work in the folder.

        Nothing is written, so ages are measured by this machine's clock: if it differs from the
        storage's, a dead process of another machine may still count as live.
        """
        now = time.time()
        return any(
            _is_live(claim, now - written) or _is_live(claim, abs(now - claim.renewed_at))
            for claim, written in self._others().values()
        )

    def _claim(self) -> None:
        for _ in range(_CLAIMS):
            self._write(held=False)
            others = self._others()
            now = self._folder.modified(self._name)
            live = [claim for claim, written in others.values() if _is_live(claim, now - written)]
            if not live:
                self._write(held=True)
                for name in others:
                    self._folder.remove(name)
                return
            self._folder.remove(self._name)
            if any(claim.held for claim in live):
                break
            # both stepped back: random delays let one come first next time
            time.sleep(random.uniform(0.05, 0.5))
        raise ConflictError(
            f"{self._folder.split()[0].uri} is in use by {live[0].holder}",
            hint="Wait until it has finished, or stop it. A lease whose machine is gone ends "
            f"{LIVE_SECONDS:.0f} seconds after its last renewal.",
        )

    def _others(self) -> dict[str, tuple[Claim, float]]:
        """Return others' claims, live and dead, by file name, with the time of their writing."""
        found = {}
        for name in self._folder.names():
            if name == self._name:
                continue
            try:
                found[name] = (self._read(name), self._folder.modified(name))
            except StorageError:
                if self._folder.exists(name):  # otherwise it has just been withdrawn
                    raise
        return found

    def _read(self, name: str) -> Claim:
        content = self._folder.read(name)
        try:
            return _FIELDS.validate_json(content)
        except ValidationError:
            return _UNREADABLE

    def _write(self, *, held: bool) -> None:
        self._folder.write_json(self._name, asdict(own_claim(held=held)))

    def _renew(self) -> None:
        while not self._released.wait(RENEW_SECONDS):
            with suppress(StorageError):  # storage may fail temporarily: the next renewal counts
                if not self._folder.exists(self._name):  # considered dead, and taken over
                    self.is_lost = True
                    return
                self._write(held=True)


def _is_live(claim: Claim, age: float) -> bool:
    """Return whether a claim of this age, in seconds, is valid."""
    running = claim.is_running()
    return age < LIVE_SECONDS if running is None else running and age < _STALLED_SECONDS


def own_claim(*, held: bool) -> Claim:
    """Return this process's current claim."""
    pid = os.getpid()
    return Claim(socket.gethostname(), _machine(), pid, _born(pid) or "", held, time.time())


def _machine() -> str:
    """Return the scope of a process id; containers may share a host's name but not its ids."""
    boot = namespace = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return f"{socket.gethostname()} {boot} {namespace}"


def _is_running(pid: int, born: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's process
        pass
    return _born(pid) in (born, None)


def _born(pid: int) -> str | None:
    """Return a process's start in clock ticks since boot, ``gone`` for a zombie, else None."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = status.rpartition(")")[2].split()  # the process name before may contain spaces
    return "gone" if state in "ZX" else fields[18]
