"""How large a folder is at its peak, while others write into it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 1.0
"""Looking at ten thousand files takes a twentieth of it."""


@dataclass
class PeakSize:
    """The largest size seen so far, in bytes."""

    bytes: int = 0


@contextmanager
def watch_size(folder: str | Path) -> Iterator[PeakSize]:
    """Sample a folder's size once a second, and at the end of the block."""
    peak, stop = PeakSize(), threading.Event()

    def sample() -> None:
        while True:
            stopped = stop.wait(_SAMPLE_SECONDS)
            peak.bytes = max(peak.bytes, folder_size(folder))
            if stopped:
                return

    thread = threading.Thread(target=sample, name="petafit-folder-size", daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


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
