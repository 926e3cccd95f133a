"""How large a folder is at its peak, while others write into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from petafit_benchmark.sampling import sampled


@dataclass
class PeakSize:
    """The largest size seen so far, in bytes."""

    bytes: int = 0


@contextmanager
def watch_size(folder: str | Path) -> Iterator[PeakSize]:
    """Sample a folder's size once a second, and at the end of the block."""
    peak = PeakSize()

    def look() -> None:
        peak.bytes = max(peak.bytes, folder_size(folder))

    with sampled(look, "petafit-folder-size"):
        yield peak


def folder_size(folder: str | Path) -> int:
    """Bytes of all files below a folder; what is removed meanwhile does not count."""
    try:
        with os.scandir(folder) as entries:
            return sum(map(_size, entries))
    except FileNotFoundError:
        return 0


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        if entry.is_dir(follow_symlinks=False):
            return folder_size(entry.path)
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0
