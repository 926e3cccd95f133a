"""Models merged from many shards, compared with one trained on all rows in sequence."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from petafit.config.datasets import ClicksDataset
from petafit_benchmark import rows
from petafit_benchmark.contender import Spec
from petafit_benchmark.contenders.registry import load_contender
from petafit_benchmark.merging.cases import (
    CASES,
    EXACT,
    SEEDS,
    TEXT_CASES,
    TIMED_CASES,
    TRAININGS,
    seeded,
)
from petafit_benchmark.merging.report import MergingReport
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result, command_of, middle
from petafit_benchmark.suite import Bench, Suite
from petafit_benchmark.table import BenchmarkTable, clicks_table, texts_table

MEASURED = "petafit_shards"
"""The contender that trains the cases."""

TIMED = "petafit_spark"
"""The contender that trains the timed cases."""

REPEATS = 5
"""Runs of each timed case, in turn, so that a slow minute affects all; the median run counts."""

_SECONDS = 1800.0
_EXACT_SECONDS = 300.0
_EXACT_ROWS = 1797

_FILE_ROWS = 4096
"""Small files: each of hundreds of shards gets rows of all days, as in a large table."""

_TEXTS_PER_CLICK = 25
"""The work of a text, in clicks."""

_SHARED = ("rows", "train_rows", "test_rows", "days")
"""Properties that the click logs of all seeds share."""


def run_merging(bench: Bench) -> Iterator[Result]:
    """Merge exact learners, time merging, then train every case, sequential learners first."""
    bench.check_chosen(MERGING.contenders)
    bench.tables[MERGING.name] = _known_properties(bench)
    report = MergingReport.begin(bench.folder, suite=MERGING.name, table=table_name(bench))
    if not bench.chosen or EXACT in bench.chosen:
        yield report.add(_measure_exact(bench))
    timed = _chosen(bench, (case.name for case in TIMED_CASES))
    if timed:
        spec = _clicks(bench, SEEDS[0]).spec
        turns = [[_measure(bench, TIMED, name, spec) for name in timed] for _ in range(REPEATS)]
        yield from (report.add(middle(runs)) for runs in zip(*turns, strict=True))
    for seed in SEEDS:
        compared = _chosen(bench, (seeded(case.name, seed) for case in CASES))
        if compared:
            yield from _compare(bench, report, compared, _clicks(bench, seed))
    texts = _chosen(bench, (case.name for case in TEXT_CASES))
    if texts:
        table = texts_table(bench.data, bench.settings, rows=bench.rows // _TEXTS_PER_CLICK)
        yield from _compare(bench, report, texts, table)


def table_name(bench: Bench) -> str:
    """The table name of all results, of click logs and of texts, at this number of rows."""
    return f"{MERGING.name}-{bench.rows}"


def _known_properties(bench: Bench) -> dict[str, Any]:
    """The properties of the click logs, if the record has them for this number of rows."""
    known = Record.read(bench.folder).tables.get(MERGING.name, {})
    name = f"clicks-{bench.rows}"
    return known if known.get("name") == name else {"name": name}


def _clicks(bench: Bench, seed: int) -> BenchmarkTable:
    settings = bench.settings.model_copy(
        update={"dataset": ClicksDataset(name="clicks", seed=seed)}
    )
    table = clicks_table(bench.data, settings, rows=bench.rows)
    shared = {name: table.properties[name] for name in _SHARED}
    best = {f"{k}_seed{seed}": v for k, v in table.properties.items() if k.startswith("best_")}
    bench.tables[MERGING.name] = {**bench.tables[MERGING.name], **shared, **best}
    return table


def _in_small_files(table: BenchmarkTable) -> Spec:
    """The training rows of a table in small files, in the order of time."""
    dealt = table.folder / f"files-of-{_FILE_ROWS}"
    rows.write_rows(table.spec.files, dealt, skip=0, rows=table.spec.rows, file_rows=_FILE_ROWS)
    return replace(table.spec, train=str(dealt))


def _chosen(bench: Bench, names: Iterable[str]) -> list[str]:
    return [name for name in names if not bench.chosen or name in bench.chosen]


def _compare(
    bench: Bench, report: MergingReport, names: Sequence[str], table: BenchmarkTable
) -> Iterator[Result]:
    """Measure on the same rows, then update results whose sequential reference has changed."""
    spec = _in_small_files(table)
    for name in names:
        seeded_spec = replace(spec, seed=TRAININGS[name].seed)
        yield report.add(_measure(bench, MEASURED, name, seeded_spec))
    yield from report.outdated()


def _measure_exact(bench: Bench) -> Result:
    """Measure exact learners, on scikit-learn's digits rather than the suite's table."""
    contender = load_contender(EXACT)
    bench.watcher.begins(contender.title)
    result = Result(
        contender=EXACT,
        title=contender.title,
        suite=MERGING.name,
        table=table_name(bench),
        cores=contender.cores,
        command=command_of(MERGING.name, bench.rows, EXACT),
    )
    spec = Spec(train="", test="", rows=_EXACT_ROWS, label="", work="")
    return bench.train_once(EXACT, spec, result, seconds=_EXACT_SECONDS)


def _measure(bench: Bench, contender: str, name: str, spec: Spec) -> Result:
    bench.watcher.begins(name)
    case = TRAININGS[name].case
    result = Result(
        contender=name,
        title=f"{case.rule}, {case.shards} shards, {case.passes} passes ({name})",
        suite=MERGING.name,
        table=table_name(bench),
        cores=2 if contender == TIMED else 1,
        tuned={"learning_rate": case.learning_rate},
        command=command_of(MERGING.name, bench.rows, name),
    )
    of_case = replace(spec, tuned=case.learning_rate, training=case.settings)
    return bench.train_once(contender, of_case, result, seconds=_SECONDS)


MERGING = Suite(
    name="merging",
    run=run_merging,
    rows=10_000_000,
    quick_rows=1_000_000,
    contenders=(EXACT, *TRAININGS),
)
