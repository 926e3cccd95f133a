"""The page of a benchmark: one HTML file with everything in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from petafit.report.page import render_page
from petafit.store import disk
from petafit_benchmark import figures, merging_plot, plot
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result

FILE = "benchmark.html"

_LIMIT = "decode_only"
_PLOTTED = ("clicks", "text")
_ASIDE = ("petafit_cached", "petafit_memory", "petafit_prefixes")
"""Measured for one target each: no contenders of their own."""

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
        The facts of the table, if all results are from it.
    plot : str
        An ``<svg>`` element, or nothing.
    """

    heading: str
    table: dict[str, Any] | None
    plot: str
    results: list[Result]

    @property
    def binary(self) -> bool:
        """Whether AUC is the measure of quality, rather than accuracy."""
        return any(result.auc is not None for result in self.results)


def write_page(record: Record, folder: Path) -> Path:
    """Write the page beside ``benchmark.json``; it needs neither a network nor scripts."""
    path = folder / FILE
    disk.replace(path, render(record).encode())
    return path


def render(record: Record) -> str:
    """The page as text."""
    return render_page(
        "petafit_benchmark",
        "benchmark.html",
        figures=figures,
        machine=record.machine,
        sections=list(_sections(record)),
        targets=record.targets,
        tunings=record.tunings,
    )


def _sections(record: Record) -> Iterator[_Section]:
    for suite in dict.fromkeys(result.suite for result in record.results):
        results = [result for result in record.results if result.suite == suite]
        facts = record.tables.get(suite, {})
        same_table = all(result.table == facts.get("name") for result in results)
        yield _Section(
            heading=_HEADINGS.get(suite, suite),
            table=facts if same_table else None,
            plot=_plot(suite, results, facts.get("best_log_loss")),
            results=results,
        )


def _plot(suite: str, results: list[Result], best: float | None) -> str:
    if suite == "merging":
        return merging_plot.draw(results)
    if suite not in _PLOTTED:
        return ""
    limit = next((r for r in results if r.contender == _LIMIT and r.ok), None)
    dots = [result for result in results if result.contender not in _ASIDE]
    return plot.draw(dots, limit=limit, best=best, name=suite)
