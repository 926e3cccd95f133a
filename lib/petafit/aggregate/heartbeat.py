"""Heartbeats, which workers leave in the run folder and the driver reads, every few seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from petafit.errors import StorageError
from petafit.store.filesystem import Folder

_SECONDS = 1.0


class Heartbeat:
    """One shard's heartbeat, written at most once a second."""

    def __init__(self, folder: Folder, shard: int) -> None:
        self._folder = folder
        self._name = f"heartbeat-{shard:06d}.json"
        self._last = time.monotonic()
        self._written = False

    def beat(self, rows: int, loss: Callable[[], float | None] = lambda: None) -> None:
        """Report how many rows are done, if that was not reported just now.

        A heartbeat is for display only: one that cannot be written is left out.
        """
        now = time.monotonic()
        if now - self._last > _SECONDS:
            self._last = now
            with suppress(StorageError):
                self._folder.write_json(self._name, {"rows": rows, "loss": loss()}, durable=False)
                self._written = True

    def stop(self) -> None:
        """Take the heartbeat away: the shard's report speaks from now on."""
        if self._written:
            with suppress(StorageError):
                self._folder.remove(self._name)


@dataclass(frozen=True)
class ShardProgress:
    """The progress of a pass.

    Attributes
    ----------
    loss : float or None
        Mean of the running shards' losses, weighted by rows.
    """

    rows: int
    shards_done: int
    loss: float | None


@dataclass(frozen=True)
class _Beat:
    """The content of a heartbeat, or of a finished shard's report."""

    rows: int = 0
    loss: float | None = None


_BEAT = TypeAdapter(_Beat)


class HeartbeatReader:
    """The driver's view of a pass: finished shards are read once, running ones every time."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._finished: dict[str, int] = {}

    def read(self) -> ShardProgress:
        """The progress of the pass by now."""
        running = []
        for name in self._folder.names():
            if name.startswith("report-") and name not in self._finished:
                self._finished[name] = self._beat(name).rows
            elif name.startswith("heartbeat-"):
                running.append(self._beat(name))
        rows = sum(self._finished.values()) + sum(beat.rows for beat in running)
        losses = [(beat.rows, beat.loss) for beat in running if beat.loss is not None and beat.rows]
        weight = sum(count for count, _ in losses)
        loss = sum(count * loss for count, loss in losses) / weight if weight else None
        return ShardProgress(rows, len(self._finished), loss)

    def _beat(self, name: str) -> _Beat:
        """A file's content; zero rows where it is damaged, or its shard has just removed it."""
        try:
            return _BEAT.validate_json(self._folder.read(name))
        except (StorageError, ValidationError):
            return _Beat()


class Watcher(Protocol):
    """Shows a pass while it goes on."""

    def __call__(
        self, title: str, reader: HeartbeatReader, *, shards: int, rows: int | None
    ) -> AbstractContextManager[None]:
        """Watch until the block ends; `rows` is the expected total, where known."""


def unwatched(
    title: str, reader: HeartbeatReader, *, shards: int, rows: int | None
) -> AbstractContextManager[None]:
    """Watch nothing."""
    return nullcontext()


@contextmanager
def repeating(action: Callable[[], None], *, seconds: float, name: str) -> Iterator[None]:
    """Do it every few seconds until the block ends, in a thread of this name."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(seconds):
            action()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
