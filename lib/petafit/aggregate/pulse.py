"""Heartbeats: what workers leave in the run folder while they work, and what the driver reads."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from petafit.errors import StorageError
from petafit.store.filesystem import Folder

_SECONDS = 1.0


class Pulse:
    """One shard's heartbeat, written at most once a second."""

    def __init__(self, folder: Folder, shard: int) -> None:
        self._folder = folder
        self._name = f"pulse-{shard:06d}.json"
        self._last = time.monotonic()
        self._written = False

    def beat(self, rows: int, loss: Callable[[], float | None]) -> None:
        """Say how many rows are done, if it was not said just now."""
        now = time.monotonic()
        if now - self._last > _SECONDS:
            self._folder.write_json(self._name, {"rows": rows, "loss": loss()}, durable=False)
            self._last, self._written = now, True

    def stop(self) -> None:
        """Take the heartbeat away: the shard's report speaks from now on."""
        if self._written:
            self._folder.remove(self._name)


@dataclass(frozen=True)
class Standing:
    """How far a pass has come.

    Attributes
    ----------
    loss : float or None
        Mean of the running shards' losses, weighted by rows.
    """

    rows: int
    shards_done: int
    loss: float | None


class PulseReader:
    """The driver's view of a pass: finished shards are read once, running ones every time."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._finished: dict[str, int] = {}

    def read(self) -> Standing:
        """How far the pass has come by now."""
        running: list[tuple[int, float | None]] = []
        for name in self._folder.names():
            if name.startswith("report-") and name not in self._finished:
                self._finished[name] = int(self._content(name).get("rows", 0))
            elif name.startswith("pulse-"):
                content = self._content(name)
                running.append((int(content.get("rows", 0)), content.get("loss")))
        rows = sum(self._finished.values()) + sum(count for count, _ in running)
        losses = [(count, loss) for count, loss in running if loss is not None and count]
        weight = sum(count for count, _ in losses)
        loss = sum(count * loss for count, loss in losses) / weight if weight else None
        return Standing(rows, len(self._finished), loss)

    def _content(self, name: str) -> dict[str, float]:
        """A file's content; nothing where its shard has just removed it."""
        try:
            return dict(json.loads(self._folder.read(name)))
        except (StorageError, ValueError):
            return {}
