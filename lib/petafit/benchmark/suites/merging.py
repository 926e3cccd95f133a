"""What a model merged from many shards is worth beside one learnt row after row."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from petafit.benchmark import rows
from petafit.benchmark.contender import Spec
from petafit.benchmark.exact_case import EXACT, measure_exact
from petafit.benchmark.generated import clicks_table
from petafit.benchmark.merging_cases import CASES, Case
from petafit.benchmark.process import Failure
from petafit.benchmark.results import Result
from petafit.benchmark.suite import Bench
from petafit.benchmark.table import Table
from petafit.benchmark.trial import run_and_judge
from petafit.config.settings import ClicksDataset
from petafit.errors import ConfigurationError, did_you_mean
from petafit.store.plain import to_json

NAME = "merging"
ROWS = 10_000_000
QUICK_ROWS = 1_000_000
SEEDS = (1, 2)
CONTENDERS = (EXACT, *(f"{case.name}_seed{seed}" for seed in SEEDS for case in CASES))

FILE = "merging.json"
SECONDS = 1800.0

MEASURED = "petafit_shards"
_FILE_ROWS = 4096
"""So small that hundreds of shards get files from all days, as those of a large table do."""


def run(bench: Bench) -> Iterator[Result]:
    """Merge exact learners, then train every case on every seed, the sequential learner first."""
    for name in bench.chosen:
        if name not in CONTENDERS:
            hint = did_you_mean(name, CONTENDERS)
            raise ConfigurationError(f"The suite has no {name!r}", hint=hint)
    if not bench.chosen or EXACT in bench.chosen:
        yield measure_exact(bench, NAME)
    results: list[tuple[Case, int, Result]] = []
    for seed in SEEDS:
        cases = [c for c in CASES if not bench.chosen or f"{c.name}_seed{seed}" in bench.chosen]
        if not cases:
            continue
        table, spec = _table(bench, seed)
        sequential: float | None = None
        for case in cases:
            bench.watcher.begins(f"{case.name}, seed {seed}")
            result = _measured(bench, table, spec, case, seed)
            if case.rule == "sequential" and result.log_loss is not None:
                sequential = min(sequential or result.log_loss, result.log_loss)
            elif result.log_loss is not None and sequential is not None:
                above = {"above_sequential": result.log_loss - sequential}
                result = replace(result, figures={**result.figures, **above})
            results.append((case, seed, result))
            _write(bench.folder / FILE, results)
            yield result


def _table(bench: Bench, seed: int) -> tuple[Table, Spec]:
    """The clicks of a seed, and their training rows in small files in the order of time."""
    dataset = ClicksDataset(name="clicks", seed=seed)
    settings = bench.settings.model_copy(update={"dataset": dataset})
    table = clicks_table(bench.data, settings, rows=bench.rows)
    bench.tables[NAME] = {k: v for k, v in table.facts.items() if k != "files"}
    dealt = table.folder / f"files-of-{_FILE_ROWS}"
    rows.write_rows(table.spec.files, dealt, skip=0, rows=table.spec.rows, file_rows=_FILE_ROWS)
    return table, replace(table.spec, train=str(dealt), seed=seed)


def _measured(bench: Bench, table: Table, spec: Spec, case: Case, seed: int) -> Result:
    name = f"{case.name}_seed{seed}"
    result = Result(
        contender=name,
        title=f"{case.rule}, {case.shards} shards, {case.passes} passes, seed {seed}",
        suite=NAME,
        table=NAME,
        cores=1,
        tuned={"learning_rate": case.learning_rate},
        command=f"petafit benchmark --suite {NAME} --rows {bench.rows} --contenders {name}",
    )
    judged = run_and_judge(
        MEASURED,
        [replace(spec, tuned=case.learning_rate, training=case.settings)],
        scratch=bench.folder / "scratch" / name,
        log=bench.folder / "logs" / f"{NAME}-{name}.log",
        seconds=SECONDS,
    )
    if isinstance(judged, Failure):
        return replace(result, status=judged.status, error=judged.error)
    ((trained, quality),) = judged.runs
    measured = result.with_trained(trained, quality)
    return replace(measured, peak_memory_bytes=judged.peak_memory)


def _write(path: Path, results: list[tuple[Case, int, Result]]) -> None:
    """One object a training, as far as they have come."""
    told = [
        {
            "learner": "petafit.OnlineLinearClassifier",
            "seed": seed,
            "shards": case.shards,
            "rule": case.rule,
            "passes": case.passes,
            "learning_rate": case.learning_rate,
            "log_loss": result.log_loss,
            "above_sequential": result.figures.get("above_sequential"),
            "seconds": result.seconds,
            "driver_peak_memory_bytes": result.figures.get("driver_peak_memory_bytes"),
            "status": result.status,
        }
        for case, seed, result in results
    ]
    path.write_bytes(to_json(told))
