"""What a model merged from many shards is worth beside one learnt row after row."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from petafit.benchmark import rows
from petafit.benchmark.contender import Spec
from petafit.benchmark.demands import bars_of
from petafit.benchmark.exact_case import EXACT, measure_exact
from petafit.benchmark.generated import clicks_table, texts_table
from petafit.benchmark.merging_cases import (
    CASES,
    SEEDS,
    TEXT_CASES,
    TIMED_CASES,
    TRAININGS,
    Case,
)
from petafit.benchmark.merging_demands import MERGING
from petafit.benchmark.record import Record
from petafit.benchmark.results import Result, middle
from petafit.benchmark.suite import Bench
from petafit.benchmark.table import Table
from petafit.config.settings import ClicksDataset
from petafit.errors import ConfigurationError, did_you_mean
from petafit.store.plain import to_json

NAME = "merging"
ROWS = 10_000_000
QUICK_ROWS = 1_000_000
FILE = "merging.json"
SECONDS = 1800.0

MEASURED = "petafit_shards"
TIMED = "petafit_spark"
REPEATS = 3
"""Of what is timed; the run of the middle counts."""

_FILE_ROWS = 4096
"""So small that hundreds of shards get files from all days, as those of a large table do."""

_TEXTS_PER_CLICK = 25
"""A text is as much work as so many clicks."""


CONTENDERS = (EXACT, *TRAININGS)

_SHARED = ("rows", "train_rows", "test_rows", "days")
"""Facts that the click logs of all seeds share."""


def run(bench: Bench) -> Iterator[Result]:
    """Merge exact learners; time merging; then train every case, the sequential learner first."""
    for name in bench.chosen:
        if name not in CONTENDERS:
            hint = did_you_mean(name, CONTENDERS)
            raise ConfigurationError(f"The suite has no {name!r}", hint=hint)
    bench.tables[NAME] = _known_facts(bench)
    told = _Told(bench)
    if not bench.chosen or EXACT in bench.chosen:
        yield told.add(measure_exact(bench, NAME, table_name(bench)))
    timed = told.chosen(TIMED_CASES)
    if timed:
        spec = _clicks(bench, SEEDS[0]).spec
        for name, case in timed:
            runs = [told.measure(TIMED, name, case, spec) for _ in range(REPEATS)]
            yield told.add(middle(runs), case, SEEDS[0])
    for seed in SEEDS:
        cases = told.chosen(CASES, f"_seed{seed}")
        if cases:
            yield from told.compare(cases, _in_small_files(_clicks(bench, seed)), seed)
    texts = told.chosen(TEXT_CASES)
    if texts:
        table = texts_table(bench.data, bench.settings, rows=bench.rows // _TEXTS_PER_CLICK)
        yield from told.compare(texts, _in_small_files(table), SEEDS[0])


def table_name(bench: Bench) -> str:
    """What results bear that may stand beside each other: click logs and texts go by its rows."""
    return f"{NAME}-{bench.rows}"


def _known_facts(bench: Bench) -> dict[str, Any]:
    """Those of the click logs, as far as the record has them of so many rows."""
    known = Record.read(bench.folder).tables.get(NAME, {})
    name = f"clicks-{bench.rows}"
    return known if known.get("name") == name else {"name": name}


def _clicks(bench: Bench, seed: int) -> Table:
    settings = bench.settings.model_copy(
        update={"dataset": ClicksDataset(name="clicks", seed=seed)}
    )
    table = clicks_table(bench.data, settings, rows=bench.rows)
    shared = {fact: table.facts[fact] for fact in _SHARED}
    best = {f"{k}_seed{seed}": v for k, v in table.facts.items() if k.startswith("best_")}
    bench.tables[NAME] = {**bench.tables[NAME], **shared, **best}
    return table


def _in_small_files(table: Table) -> Spec:
    """The training rows of a table in small files in the order of time."""
    dealt = table.folder / f"files-of-{_FILE_ROWS}"
    rows.write_rows(table.spec.files, dealt, skip=0, rows=table.spec.rows, file_rows=_FILE_ROWS)
    return replace(table.spec, train=str(dealt))


@dataclass
class _Told:
    """What was measured so far, in `FILE`: one object a training, and one a bar."""

    bench: Bench
    results: list[Result] = field(default_factory=list)
    trainings: list[dict[str, object]] = field(default_factory=list)

    def chosen(self, cases: Sequence[Case], ending: str = "") -> list[tuple[str, Case]]:
        """Those that are to be measured, by name."""
        named = [(f"{case.name}{ending}", case) for case in cases]
        return [
            (name, c) for name, c in named if not self.bench.chosen or name in self.bench.chosen
        ]

    def compare(self, cases: Sequence[tuple[str, Case]], spec: Spec, seed: int) -> Iterator[Result]:
        """Measure cases on the same rows, each beside the best sequential one before it."""
        sequential: float | None = None
        for name, case in cases:
            result = self.measure(MEASURED, name, case, replace(spec, seed=seed))
            if case.rule == "sequential" and result.log_loss is not None:
                sequential = min(sequential or result.log_loss, result.log_loss)
            elif result.log_loss is not None and sequential is not None:
                above = {"above_sequential": result.log_loss - sequential}
                result = replace(result, figures={**result.figures, **above})
            yield self.add(result, case, seed)

    def measure(self, contender: str, name: str, case: Case, spec: Spec) -> Result:
        """Train once."""
        bench = self.bench
        bench.watcher.begins(name)
        result = Result(
            contender=name,
            title=f"{case.rule}, {case.shards} shards, {case.passes} passes ({name})",
            suite=NAME,
            table=table_name(bench),
            cores=2 if contender == TIMED else 1,
            tuned={"learning_rate": case.learning_rate},
            command=f"petafit benchmark --suite {NAME} --rows {bench.rows} --contenders {name}",
        )
        told = replace(spec, tuned=case.learning_rate, training=case.settings)
        return bench.train_once(contender, told, result, seconds=SECONDS)

    def add(self, result: Result, case: Case | None = None, seed: int = 0) -> Result:
        """Write the file anew, with one result more; that of a training has a case."""
        self.results.append(result)
        if case:
            self.trainings.append(_told(result, case, seed))
        bars = [asdict(bar) for bar in bars_of(self.results, MERGING)]
        path = self.bench.folder / FILE
        path.write_bytes(to_json({"trainings": self.trainings, "bars": bars}))
        return result


def _told(result: Result, case: Case, seed: int) -> dict[str, object]:
    return {
        "learner": "petafit.OnlineLinearClassifier",
        "case": result.contender,
        "seed": seed,
        "shards": case.shards,
        "rule": case.rule,
        "passes": case.passes,
        "learning_rate": case.learning_rate,
        "log_loss": result.log_loss,
        "above_sequential": result.figures.get("above_sequential"),
        "accuracy": result.accuracy,
        "seconds": result.seconds,
        "driver_peak_memory_bytes": result.figures.get("driver_peak_memory_bytes"),
        "status": result.status,
    }
