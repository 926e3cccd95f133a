"""The benchmark's HTML page: one self-contained file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from petafit.report.page import render_page
from petafit.store import disk
from petafit_benchmark import formatting, plot
from petafit_benchmark.merging import plot as merging_plot
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result

FILE = "benchmark.html"

_LIMIT = "decode_only"
_PLOTTED = ("clicks", "text")
_NOT_PLOTTED = ("petafit_cached", "petafit_memory", "petafit_prefixes")
"""Contenders that are measured for one target only."""

_HEADINGS = {
    "clicks": "A click log, one pass, hashed linear models",
    "text": "Short texts in many languages, character n-grams",
    "scale": "Ever larger tables",
    "merging": "Models merged from shards beside one learnt row after row",
    "shards": "Ever more small shards, 2^22 features",
}


@dataclass(frozen=True)
class _Section:
    """A suite on the page.

    Attributes
    ----------
    table : dict or None
        The table's properties, if all results are from it.
    plot : str
        An ``<svg>`` element, or empty.
    """

    heading: str
    table: dict[str, Any] | None
    plot: str
    results: list[Result]

    @property
    def binary(self) -> bool:
        """True if the quality is measured by AUC, False if by accuracy."""
        return any(result.auc is not None for result in self.results)


def write_page(record: Record, folder: Path) -> Path:
    """Write the page beside ``benchmark.json``, atomically; it needs no network and no scripts."""
    path = folder / FILE
    disk.replace(path, render(record).encode())
    return path


def render(record: Record) -> str:
    """Render the page as HTML."""
    return render_page(
        "petafit_benchmark",
        "benchmark.html",
        formatting=formatting,
        machine=record.machine,
        sections=list(_sections(record)),
        targets=record.targets,
        tunings=record.tunings,
    )


def _sections(record: Record) -> Iterator[_Section]:
    for suite in dict.fromkeys(result.suite for result in record.results):
        results = [result for result in record.results if result.suite == suite]
        properties = record.tables.get(suite, {})
        same_table = all(result.table == properties.get("name") for result in results)
        yield _Section(
            heading=_HEADINGS.get(suite, suite),
            table=properties if same_table else None,
            plot=_plot(suite, results, properties.get("best_log_loss")),
            results=results,
        )


def _plot(suite: str, results: list[Result], best: float | None) -> str:
    if suite == "merging":
        return merging_plot.draw(results)
    if suite not in _PLOTTED:
        return ""
    limit = next((r for r in results if r.contender == _LIMIT and r.ok), None)
    dots = [result for result in results if result.contender not in _NOT_PLOTTED]
    return plot.draw(dots, limit=limit, best=best, name=suite)
