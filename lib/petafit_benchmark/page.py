"""The page of a benchmark: one HTML file with everything in it."""

from collections.abc import Iterator
from html import escape
from importlib import resources
from pathlib import Path

from petafit_benchmark import figures, merging_plot
from petafit_benchmark.markup import Row, table
from petafit_benchmark.plot import draw
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result
from petafit_benchmark.target import TargetResult
from petafit_benchmark.tuning import Tuning

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
_METHOD = (
    "Every contender is a process of its own, pinned to as many cores as its row says, on the same "
    "Parquet files, with the same hash space.",
    "Seconds are those of learning, decoding included. Imports, sessions and compilation are the "
    "start, and conversions to another format are told apart.",
    "The newest tenth of the rows is held out. Log-loss, accuracy and AUC have 95% confidence "
    "intervals: normal ones of the mean, and DeLong's.",
    "Hollow dots learnt from a sample, the newest rows; their speed is extrapolated.",
    "Memory is the peak of the whole process tree, as the sum of proportional set sizes (PSS) "
    "sampled once a second.",
    "Every learner's step size is chosen from five values around its own default, on the same "
    "training rows that none of those models had seen; MLlib's regularisation likewise.",
)


def write_page(record: Record, folder: Path) -> Path:
    """Write the page beside ``benchmark.json``; it needs neither a network nor scripts."""
    path = folder / FILE
    staging = path.with_suffix(".staging")
    staging.write_text(render(record), encoding="utf-8")
    return staging.replace(path)


def render(record: Record) -> str:
    """The page as text."""
    style = resources.files("petafit_benchmark").joinpath("page.css").read_text()
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<title>petafit and its peers</title>",
            f"<style>\n{style}</style>\n</head>\n<body>",
            *_body(record),
            "</body>\n</html>\n",
        )
    )


def _body(record: Record) -> Iterator[str]:
    yield "<h1>petafit and its peers</h1>"
    yield f'<p class="lead">{escape(_machine(record))}</p>'
    for suite in dict.fromkeys(result.suite for result in record.results):
        yield from _suite(record, suite)
    yield "<h2>What petafit must reach</h2>"
    yield from table(
        ("figure", "#value", "#target", "#stretch", "", ""), map(_target, record.targets)
    )
    yield "<h2>How it was measured</h2>"
    yield "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in _METHOD) + "</ul>"
    if record.tunings:
        yield "<h2>What was chosen</h2>"
        headings = ("learner", "value", "#rows", "#validated on", "log-loss by value")
        yield from table(headings, map(_tuning, record.tunings))
    yield "<footer>Made by <code>python -m petafit_benchmark</code>.</footer>"


def _suite(record: Record, suite: str) -> Iterator[str]:
    """A suite's plot, its table, and the last words of those that failed."""
    results = [result for result in record.results if result.suite == suite]
    facts = record.tables.get(suite, {})
    yield f"<h2>{escape(_HEADINGS.get(suite, suite))}</h2>"
    if all(result.table == facts.get("name") for result in results):
        told = f"{facts['train_rows']:,} rows to learn from, {facts['test_rows']:,} to be tested on"
        yield f'<p class="soft">{told}</p>'
    if suite in _PLOTTED:
        limit = next((r for r in results if r.contender == _LIMIT and r.ok), None)
        dots = [result for result in results if result.contender not in _ASIDE]
        plot = draw(dots, limit=limit, best=facts.get("best_log_loss"))
        yield f"<figure>{plot}</figure>"
    elif suite == "merging":
        yield f"<figure>{merging_plot.draw(results)}</figure>"
    headings = ("contender", "#cores", "#rows", "#rows/s", "#seconds", "#start", "#log-loss")
    binary = any(result.auc is not None for result in results)
    quality = "#AUC" if binary else "#accuracy"
    rows = (_contender(result, binary=binary) for result in results)
    yield from table((*headings, quality, "#memory", ""), rows)
    for result in results:
        if result.error and "\n" in result.error:
            title = f"{escape(result.title)} {figures.STATUS[result.status]}"
            yield f"<details><summary>{title}</summary><pre>{escape(result.error)}</pre></details>"


def _contender(result: Result, *, binary: bool) -> Row:
    quality = (result.auc, result.auc_ci) if binary else (result.accuracy, result.accuracy_ci)
    own = "own" if result.contender.startswith(("petafit", "scale", "shards")) else ""
    return Row(
        (
            result.title,
            str(result.cores),
            figures.NONE if result.rows is None else f"{result.rows:,}",
            figures.rate(result.rows_per_second),
            figures.seconds(result.seconds),
            figures.seconds(result.startup_seconds),
            figures.with_interval(result.log_loss, result.log_loss_ci),
            figures.with_interval(*quality),
            figures.memory(result.peak_memory_bytes),
            figures.remarks(result),
        ),
        kind=own if result.ok else "failed",
    )


def _target(target: TargetResult) -> Row:
    verdict = figures.verdict(target)
    cells = (target.figure, figures.reached(target), *figures.goals(target), verdict, target.note)
    return Row(cells, kind=verdict.replace(" ", "-"))


def _tuning(tuning: Tuning) -> Row:
    tried = ", ".join(
        f"{value:g}: {loss:.4f}{' ✓' if value == tuning.chosen else ''}"
        for value, loss in zip(tuning.grid, tuning.log_losses, strict=True)
    )
    edge = " (at the edge of the grid)" if tuning.at_edge else ""
    counts = f"{tuning.rows:,}", f"{tuning.validation_rows:,}"
    return Row((tuning.learner, f"{tuning.tunes} {tuning.chosen:g}", *counts, tried + edge))


def _machine(record: Record) -> str:
    machine = record.machine
    return (
        f"{machine['processor']}, {machine['cores']} cores, "
        f"{figures.memory(machine['memory_bytes'])}, Python {machine['python']}, "
        f"{machine['measured_at'][:10]}"
    )
