"""A process and all its descendants: their memory, and how to end them."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Process(NamedTuple):
    """A process; its start time distinguishes it from a later one with the same id."""

    pid: int
    start: int


@dataclass
class ProcessTree:
    """The leader of a session, and all its descendants.

    Members are the processes of the leader's session and the descendants of any member. A process
    seen once stays a member, so that a daemon which left both is not lost. Needs Linux' ``/proc``:
    elsewhere only the leader's own process group is known.

    Attributes
    ----------
    leader : int
        Process id, of a process that was started in a session of its own.
    """

    leader: int
    _seen: set[Process] = field(default_factory=set)

    def members(self) -> set[Process]:
        """The members that are alive now."""
        alive, parents, sessions = _processes()
        self._seen &= alive
        known = {process.pid for process in self._seen}
        known |= {pid for pid, session in sessions.items() if session == self.leader}
        while born := {pid for pid, up in parents.items() if up in known and pid not in known}:
            known |= born
        self._seen = {process for process in alive if process.pid in known}
        return set(self._seen)

    def memory(self) -> int | None:
        """Bytes that all members hold now: the sum of their proportional set sizes (PSS).

        PSS counts a page that n processes share as 1/n each, so that forked workers are not counted
        twice; where the kernel hides it, the resident set size is taken. None without ``/proc``.
        """
        if not _PROC.is_dir():
            return None
        return sum(_memory(process.pid) for process in self.members())

    def kill(self) -> None:
        """End all members at once."""
        members = self.members()
        with suppress(ProcessLookupError):
            os.killpg(self.leader, signal.SIGKILL)
        for process in members:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def _processes() -> tuple[set[Process], dict[int, int], dict[int, int]]:
    """All processes, and the parent and the session of each."""
    alive, parents, sessions = set(), {}, {}
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if entry.name.isdecimal():
            with suppress(OSError):  # it may end at any time
                # The name in parentheses may hold anything; behind it: state, parent, group,
                # session, and 16 fields later the start (man 5 proc_pid_stat).
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                pid = int(entry.name)
                alive.add(Process(pid, int(fields[19])))
                parents[pid], sessions[pid] = int(fields[1]), int(fields[3])
    return alive, parents, sessions


def _memory(pid: int) -> int:
    for file, label in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with suppress(OSError):
            for line in (_PROC / str(pid) / file).read_text().splitlines():
                if line.startswith(label):
                    return int(line.split()[1]) * 1024
    return 0
