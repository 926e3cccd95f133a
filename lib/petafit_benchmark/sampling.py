"""Peaks sampled in the background: the memory of a process tree, the size of a folder."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from petafit.aggregate.heartbeat import repeating
from petafit_benchmark.process_tree import ProcessTree

_SECONDS = 1.0
"""Adding up the pages of a process stops it for a moment, and would slow it down if done more
often; a folder of ten thousand files takes 50 ms."""


@dataclass
class PeakMemory:
    """The highest sample so far, in bytes; None where the system does not tell."""

    bytes: int | None = None


@dataclass
class PeakSize:
    """The largest size seen so far, in bytes."""

    bytes: int = 0


@contextmanager
def watch_memory(tree: ProcessTree, *, seconds: float = _SECONDS) -> Iterator[PeakMemory]:
    """Sample the memory of a process tree until the block ends."""
    peak = PeakMemory()

    def sample() -> None:
        memory = tree.memory()
        if memory is not None:
            peak.bytes = max(peak.bytes or 0, memory)

    with _sampled(sample, "petafit-peak-memory", seconds):
        yield peak


@contextmanager
def watch_size(folder: str | Path, *, seconds: float = _SECONDS) -> Iterator[PeakSize]:
    """Sample the size of a folder until the block ends, and at its end."""
    peak = PeakSize()

    def sample() -> None:
        peak.bytes = max(peak.bytes, folder_size(folder))

    with _sampled(sample, "petafit-folder-size", seconds):
        yield peak


def folder_size(folder: str | Path) -> int:
    """Bytes of all files below a folder; files that are removed meanwhile do not count."""
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


@contextmanager
def _sampled(sample: Callable[[], None], name: str, seconds: float) -> Iterator[None]:
    """Sample at once, then every few seconds, and at the end of the block."""
    sample()
    try:
        with repeating(sample, seconds=seconds, name=name):
            yield
    finally:
        sample()
