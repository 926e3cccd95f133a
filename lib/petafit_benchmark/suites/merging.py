"""What a model merged from many shards is worth beside one learnt row after row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from petafit.config.datasets import ClicksDataset
from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark import rows
from petafit_benchmark.contender import Spec
from petafit_benchmark.exact_case import EXACT, measure_exact
from petafit_benchmark.generated import clicks_table, texts_table
from petafit_benchmark.merging_cases import (
    CASES,
    SEEDS,
    TEXT_CASES,
    TIMED_CASES,
    TRAININGS,
    seeded,
)
from petafit_benchmark.merging_report import Report
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result, command_of, middle
from petafit_benchmark.suite import Bench
from petafit_benchmark.table import BenchmarkTable

NAME = "merging"
ROWS = 10_000_000
QUICK_ROWS = 1_000_000
SECONDS = 1800.0

MEASURED = "petafit_shards"
TIMED = "petafit_spark"
REPEATS = 5
"""Of what is timed, in turn, so that a slow minute slows all; each one's run of the middle counts.
"""

_FILE_ROWS = 4096
"""So small that hundreds of shards get files from all days, as those of a large table do."""

_TEXTS_PER_CLICK = 25
"""A text is as much work as so many clicks."""

CONTENDERS = (EXACT, *TRAININGS)
SLOW: tuple[str, ...] = ()

_SHARED = ("rows", "train_rows", "test_rows", "days")
"""Facts that the click logs of all seeds share."""


def run(bench: Bench) -> Iterator[Result]:
    """Merge exact learners; time merging; then train every case, the sequential learner first."""
    for name in bench.chosen:
        if name not in CONTENDERS:
            hint = did_you_mean(name, CONTENDERS)
            raise ConfigurationError(f"The suite has no {name!r}", hint=hint)
    bench.tables[NAME] = _known_facts(bench)
    report = Report.begin(bench.folder, suite=NAME, table=table_name(bench))
    if not bench.chosen or EXACT in bench.chosen:
        yield report.add(measure_exact(bench, NAME, table_name(bench)))
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
    """What results bear that may stand beside each other: click logs and texts go by its rows."""
    return f"{NAME}-{bench.rows}"


def _known_facts(bench: Bench) -> dict[str, Any]:
    """Those of the click logs, as far as the record has them of so many rows."""
    known = Record.read(bench.folder).tables.get(NAME, {})
    name = f"clicks-{bench.rows}"
    return known if known.get("name") == name else {"name": name}


def _clicks(bench: Bench, seed: int) -> BenchmarkTable:
    settings = bench.settings.model_copy(
        update={"dataset": ClicksDataset(name="clicks", seed=seed)}
    )
    table = clicks_table(bench.data, settings, rows=bench.rows)
    shared = {fact: table.facts[fact] for fact in _SHARED}
    best = {f"{k}_seed{seed}": v for k, v in table.facts.items() if k.startswith("best_")}
    bench.tables[NAME] = {**bench.tables[NAME], **shared, **best}
    return table


def _in_small_files(table: BenchmarkTable) -> Spec:
    """The training rows of a table in small files in the order of time."""
    dealt = table.folder / f"files-of-{_FILE_ROWS}"
    rows.write_rows(table.spec.files, dealt, skip=0, rows=table.spec.rows, file_rows=_FILE_ROWS)
    return replace(table.spec, train=str(dealt))


def _chosen(bench: Bench, names: Iterable[str]) -> list[str]:
    return [name for name in names if not bench.chosen or name in bench.chosen]


def _compare(
    bench: Bench, report: Report, names: Sequence[str], table: BenchmarkTable
) -> Iterator[Result]:
    """Measure on the same rows; then tell again what was held against other sequential results."""
    spec = _in_small_files(table)
    for name in names:
        seeded_spec = replace(spec, seed=TRAININGS[name].seed)
        yield report.add(_measure(bench, MEASURED, name, seeded_spec))
    yield from report.outdated()


def _measure(bench: Bench, contender: str, name: str, spec: Spec) -> Result:
    """Train once."""
    bench.watcher.begins(name)
    case = TRAININGS[name].case
    result = Result(
        contender=name,
        title=f"{case.rule}, {case.shards} shards, {case.passes} passes ({name})",
        suite=NAME,
        table=table_name(bench),
        cores=2 if contender == TIMED else 1,
        tuned={"learning_rate": case.learning_rate},
        command=command_of(NAME, bench.rows, name),
    )
    of_case = replace(spec, tuned=case.learning_rate, training=case.settings)
    return bench.train_once(contender, of_case, result, seconds=SECONDS)
