"""How much memory a process has used at its peak."""

import re
import resource
import sys
from pathlib import Path


def peak_memory(pid: int | str = "self") -> int:
    """The peak resident memory of a process on this machine, in bytes.

    Where the system keeps no ``/proc`` only this very process can be asked; another gives 0.
    """
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    if pid != "self":
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
