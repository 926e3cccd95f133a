"""What the terminal shows of a benchmark."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from petafit_benchmark import figures
from petafit_benchmark.bars import Bar
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result

_WIDE = 200
_COLOURS = {"stretch": "green", "met": "green", "missed": "red", "not measured": "dim"}


def show(record: Record, suite: str) -> None:
    """Print a suite's contenders, and its bars."""
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    measured = [result for result in record.results if result.suite == suite]
    console.print(_contenders(measured))
    bars = [bar for bar in record.bars if suite in bar.suites]
    if bars:
        console.print()
        console.print(_bars(bars))


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
            figures.rate(result.rows_per_second),
            figures.seconds(result.seconds),
            figures.seconds(result.startup_seconds),
            figures.with_interval(result.log_loss, result.log_loss_ci),
            figures.with_interval(*quality),
            figures.memory(result.peak_memory_bytes),
            figures.remarks(result),
        )
        table.add_row(*map(Text, cells), style=None if result.ok else "red")
    return table


def _bars(bars: Sequence[Bar]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("must reach")
    for name in ("value", "bar", "stretch"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("", style="dim")
    for bar in bars:
        verdict = figures.verdict(bar)
        table.add_row(
            bar.figure,
            figures.reached(bar),
            *figures.goals(bar),
            Text(verdict, style=_COLOURS[verdict]),
            Text(bar.note),
        )
    return table
