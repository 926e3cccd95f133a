"""Shows passes while they go on: one bar on a terminal, structured lines elsewhere."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from petafit.aggregate.heartbeat import HeartbeatReader, ShardProgress, repeating
from petafit.errors import StorageError

log = logging.getLogger("petafit")

_BAR_SECONDS = 0.5
_LINE_SECONDS = 30.0


@contextmanager
def show_progress(
    title: str, reader: HeartbeatReader, *, shards: int, rows: int | None
) -> Iterator[None]:
    """Show a pass until the block ends.

    Parameters
    ----------
    rows : int or None
        The expected total, where it is known; without it the finished shards measure the way.
    """
    if sys.stderr.isatty():
        with _bar(title, shards=shards, rows=rows) as show, _polling(reader, show, _BAR_SECONDS):
            yield
    else:
        show = _lines(title, shards=shards, rows=rows)
        with _polling(reader, show, _LINE_SECONDS):
            yield


Show = Callable[[ShardProgress], None]


@contextmanager
def _polling(reader: HeartbeatReader, show: Show, seconds: float) -> Iterator[None]:
    """Read and show the standing every few seconds, and once more at the end."""

    def look() -> None:
        with suppress(StorageError):  # what cannot be shown now must not stop the work
            show(reader.read())

    with repeating(look, seconds=seconds, name="petafit-progress"):
        yield
    look()


@contextmanager
def _bar(title: str, *, shards: int, rows: int | None) -> Iterator[Show]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        _Figures(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        task = progress.add_task(title, total=rows or shards or None, rows=0, loss=None)

        def show(standing: ShardProgress) -> None:
            done = bool(shards) and standing.shards_done == shards
            progress.update(
                task,
                completed=standing.rows if rows else standing.shards_done,
                total=standing.rows if rows and done else rows or shards or None,
                rows=standing.rows,
                loss=standing.loss,
            )

        yield show


class _Figures(ProgressColumn):
    """Rows, rows per second, and the running loss."""

    def render(self, task: Task) -> Text:
        rows, loss = task.fields["rows"], task.fields["loss"]
        rate = rows / task.elapsed if task.elapsed else 0.0
        shown = f"{rows:,} rows  {rate:,.0f}/s"
        return Text(shown if loss is None else f"{shown}  loss {loss:.4f}")


def _lines(title: str, *, shards: int, rows: int | None) -> Show:
    began = time.monotonic()

    def show(standing: ShardProgress) -> None:
        seconds = time.monotonic() - began
        log.info(
            "%s rows=%d/%s shards=%d/%s seconds=%.1f rows_per_second=%.0f%s",
            title,
            standing.rows,
            rows or "?",
            standing.shards_done,
            shards or "?",
            seconds,
            standing.rows / seconds,
            "" if standing.loss is None else f" loss={standing.loss:.4f}",
        )

    return show
