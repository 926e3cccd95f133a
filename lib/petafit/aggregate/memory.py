"""Memory of this process: what it has used at its peak, and what it can give back."""

import re
import resource
import sys
from pathlib import Path

import pyarrow as pa

_MANY = 16 << 20


def peak_memory() -> int:
    """The peak resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available_memory() -> int | None:
    """Return the bytes that this machine can give to new processes; None where it does not say."""
    known = Path("/proc/meminfo")
    text = known.read_text() if known.exists() else ""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def make_room(size: int) -> None:
    """Before so many bytes are made: give back what decoding has freed, if they are many.

    Fewer find a place in what is held. It takes the next shard a tenth of a second to get it again.
    """
    if size >= _MANY:
        pa.default_memory_pool().release_unused()
