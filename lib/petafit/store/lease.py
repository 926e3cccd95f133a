"""One process at a time: a lease that its holder renews, and that ends with its process."""

import os
import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from petafit.errors import ConflictError, StorageError
from petafit.store.filesystem import Folder

LIVE_SECONDS = 60.0
RENEW_SECONDS = 15.0
_CLAIMS = 5


@dataclass(frozen=True)
class Claim:
    """What a process says about itself in its lease file.

    Attributes
    ----------
    machine : str
        Host, boot and process namespace: only within it does `pid` mean anything.
    born : str
        When the process began, which tells it from a later one with the same id; may be empty.
    held : bool
        False while the process still looks whether anybody else holds the lease.
    renewed_at : float
        Seconds since the epoch.
    """

    host: str
    machine: str
    pid: int
    born: str
    held: bool
    renewed_at: float

    def is_live(self) -> bool:
        """Whether its process may still be at work; clocks may differ by less than a minute."""
        if self.machine == _machine() and not _is_running(self.pid, self.born):
            return False
        return time.time() - self.renewed_at < LIVE_SECONDS


class Lease:
    """The right to work in a folder, held by one process at a time.

    Each process writes a claim of its own and then looks at all others. Of two processes at least
    the later one sees the other's claim, so never do both hold the lease, and no lock or exclusive
    creation is needed: it works on object stores too.

    Parameters
    ----------
    folder : Folder
        Where the claims are.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._name = f"{uuid4().hex}.json"
        self._released = threading.Event()
        self._renewing: threading.Thread | None = None
        self.is_lost = False

    def acquire(self) -> None:
        """Take the lease and keep renewing it in the background.

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
        """Give the lease up."""
        self._released.set()
        if self._renewing is not None:
            self._renewing.join()  # it could write the claim again after the removal
        with suppress(StorageError):  # what cannot be removed ends by itself
            self._folder.remove(self._name)

    def is_held_by_another(self) -> bool:
        """Whether another process may be at work in the folder."""
        return any(claim.is_live() for claim in self._others().values())

    def _claim(self) -> None:
        for _ in range(_CLAIMS):
            self._write(held=False)
            others = self._others()
            live = [claim for claim in others.values() if claim.is_live()]
            if not live:
                self._write(held=True)
                for name in others:
                    self._folder.remove(name)
                return
            self._folder.remove(self._name)
            if any(claim.held for claim in live):
                break
            time.sleep(random.uniform(0.05, 0.5))  # both stepped back: one comes first next time
        raise ConflictError(
            f"{self._folder.split()[0].uri} is in use by process {live[0].pid} on {live[0].host}",
            hint="Wait until it has finished, or stop it. A lease whose machine is gone ends "
            f"{LIVE_SECONDS:.0f} seconds after its last renewal.",
        )

    def _others(self) -> dict[str, Claim]:
        """The claims of others, live and dead, by file name."""
        names = [name for name in self._folder.names() if name != self._name]
        claims = {name: self._read(name) for name in names}
        return {name: claim for name, claim in claims.items() if claim is not None}

    def _read(self, name: str) -> Claim | None:
        """A claim, or nothing where it has just been withdrawn."""
        try:
            return Claim(**self._folder.read_json(name))
        except TypeError as error:
            raise StorageError(f"{self._folder.uri}/{name} is not a lease", got=error) from error
        except StorageError:
            if self._folder.exists(name):
                raise
            return None

    def _write(self, *, held: bool) -> None:
        self._folder.write_json(self._name, asdict(own_claim(held=held)))

    def _renew(self) -> None:
        while not self._released.wait(RENEW_SECONDS):
            with suppress(StorageError):  # storage may fail for a moment: the next renewal counts
                if not self._folder.exists(self._name):  # held dead, and taken over
                    self.is_lost = True
                    return
                self._write(held=True)


def own_claim(*, held: bool) -> Claim:
    """What this process says about itself now."""
    pid = os.getpid()
    return Claim(socket.gethostname(), _machine(), pid, _born(pid) or "", held, time.time())


def _machine() -> str:
    """What a process id is unique within; containers may share a host's name but not its ids."""
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
    except PermissionError:  # somebody else's process
        pass
    return _born(pid) in (born, None)


def _born(pid: int) -> str | None:
    """The process's start in clock ticks since boot, ``gone`` for a zombie, None if unknown."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = status.rpartition(")")[2].split()  # the name before may hold spaces
    return "gone" if state in "ZX" else fields[18]
