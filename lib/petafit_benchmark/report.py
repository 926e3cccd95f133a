"""What the terminal shows of a benchmark."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from petafit_benchmark import figures
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result
from petafit_benchmark.target import TargetResult

_WIDE = 200
_COLOURS = {"stretch": "green", "met": "green", "missed": "red", "not measured": "dim"}


def show(record: Record, suite: str) -> None:
    """Print a suite's contenders, and its targets."""
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
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


def _targets(targets: Sequence[TargetResult]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("must reach")
    for name in ("value", "target", "stretch"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("", style="dim")
    for target in targets:
        verdict = figures.verdict(target)
        table.add_row(
            target.figure,
            figures.reached(target),
            *figures.goals(target),
            Text(verdict, style=_COLOURS[verdict]),
            Text(target.note),
        )
    return table
