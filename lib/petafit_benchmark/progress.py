"""Shows a benchmark while it goes on: a bar on a terminal, a line for each contender anywhere."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from petafit_benchmark import figures
from petafit_benchmark.results import Result
from petafit_benchmark.suite import SuiteWatcher

log = logging.getLogger("petafit")


@contextmanager
def watching(total: int) -> Iterator[SuiteWatcher]:
    """Show the contenders of a suite until the block ends.

    Parameters
    ----------
    total : int
        How many there are.
    """
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    try:
        yield _Bar(progress, progress.add_task("", total=total))
    finally:
        progress.stop()


@dataclass(frozen=True)
class _Lines:
    def begins(self, title: str) -> None:
        log.info("%s starts", title)

    def ends(self, result: Result) -> None:
        log.info("%s: %s", result.title, _summary(result))


@dataclass(frozen=True)
class _Bar:
    """Live while a contender is measured only: generating a table shows a bar of its own."""

    progress: Progress
    task: TaskID

    def begins(self, title: str) -> None:
        self.progress.update(self.task, description=title)
        self.progress.start()

    def ends(self, result: Result) -> None:
        self.progress.print(f"{result.title}: {_summary(result)}", markup=False, highlight=False)
        self.progress.advance(self.task)
        self.progress.stop()


def _summary(result: Result) -> str:
    """The figures of a result in one line."""
    if not result.ok:
        return figures.remarks(result)
    told = [f"{figures.rate(result.rows_per_second)} rows/s"]
    if result.log_loss is not None:
        told.append(f"log-loss {figures.with_interval(result.log_loss, result.log_loss_ci)}")
    told.append(figures.memory(result.peak_memory_bytes))
    return ", ".join(told)
