"""`petafit prepare`: make the task's table from its raw data."""

from typing import TYPE_CHECKING

import pyarrow as pa

from petafit.aggregate.quarantine import REASON, Quarantine
from petafit.aggregate.sink import WriteFiles
from petafit.config.datasets import ClicksDataset, FlightsDataset, TextsDataset
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.table.contract import compile_checks
from petafit.table.snapshot import Format
from petafit.table.types import table_schema
from petafit.workflow.generate import generate_clicks, generate_texts
from petafit.workflow.job import Job, open_job
from petafit.workflow.writing import commit, new_output

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def prepare(
    settings: Settings,
    *,
    spark: "SparkSession | None" = None,
    run_id: str | None = None,
    logical_date: str | None = None,
) -> Run:
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
    with open_job(
        "prepare", settings, spark=spark, run_id=run_id, logical_date=logical_date
    ) as job:
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
    told = schema.append(pa.field(REASON, pa.string()))
    quarantine = new_output(job, f"{uri}_quarantine", told, format="delta")
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
