"""Terminal output of a benchmark: its progress, then tables of results and targets."""

import logging
import sys
from collections.abc import Iterator, Sequence
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
from rich.table import Table
from rich.text import Text

from petafit_benchmark import formatting
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result
from petafit_benchmark.suite import SuiteWatcher
from petafit_benchmark.target import TargetResult

log = logging.getLogger("petafit")

_WIDTH = 200
"""Of output that is no terminal."""

_COLOURS = {"stretch": "green", "met": "green", "missed": "red", "not measured": "dim"}


@contextmanager
def show_progress(total: int) -> Iterator[SuiteWatcher]:
    """Show the progress of a suite: a bar on a terminal, elsewhere a log line a contender.

    Parameters
    ----------
    total : int
        Number of contenders.
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
    """A bar that is shown while a contender runs: generating a table shows its own."""

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
    """A result in one line."""
    if not result.ok:
        return formatting.remarks(result)
    words = [f"{formatting.rate(result.rows_per_second)} rows/s"]
    if result.log_loss is not None:
        words.append(f"log-loss {formatting.with_interval(result.log_loss, result.log_loss_ci)}")
    words.append(formatting.memory(result.peak_memory_bytes))
    return ", ".join(words)


def show(record: Record, suite: str) -> None:
    """Print a suite's results, and its targets."""
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    measured = [result for result in record.results if result.suite == suite]
    console.print(_contenders(measured))
    targets = [target for target in record.targets if suite in target.suites]
    if targets:
        console.print()
        console.print(_targets(targets))


def _contenders(results: Sequence[Result]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    accuracy = all(result.auc is None for result in results)
    table.add_column("contender")
    for name in ("cores", "rows/s", "seconds", "start", "log-loss"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("accuracy" if accuracy else "AUC", justify="right", no_wrap=True)
    table.add_column("memory", justify="right", no_wrap=True)
    table.add_column("", style="dim")
    for result in results:
        quality = (result.accuracy, result.accuracy_ci) if accuracy else (result.auc, result.auc_ci)
        cells = (
            result.title,
            str(result.cores),
            formatting.rate(result.rows_per_second),
            formatting.seconds(result.seconds),
            formatting.seconds(result.startup_seconds),
            formatting.with_interval(result.log_loss, result.log_loss_ci),
            formatting.with_interval(*quality),
            formatting.memory(result.peak_memory_bytes),
            formatting.remarks(result),
        )
        table.add_row(*map(Text, cells), style=None if result.ok else "red")
    return table


def _targets(targets: Sequence[TargetResult]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("must reach")
    for name in ("value", "target", "stretch"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("", style="dim")
    for target in targets:
        verdict = formatting.verdict(target)
        table.add_row(
            target.figure,
            formatting.measured(target),
            *formatting.limits(target),
            Text(verdict, style=_COLOURS[verdict]),
            Text(target.note),
        )
    return table
