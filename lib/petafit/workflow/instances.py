"""The encoded rows of a task for other libraries: pinned, checked, sharded, always the same."""

from typing import TYPE_CHECKING

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.features.instances import Encoding, Instances
from petafit.table.filters.split import Part
from petafit.workflow.job import open_job
from petafit.workflow.profile import encoder_for
from petafit.workflow.rows import open_rows
from petafit.workflow.stages import task_with_stages

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def open_instances(
    settings: Settings,
    part: Part = "train",
    *,
    spark: "SparkSession | None" = None,
    logical_date: str | None = None,
) -> Instances:
    """The rows of a part of the task's table, encoded as its learner would get them.

    What the features need to know is learnt from the training rows, whatever the part. The
    plan of the shards stays in the run folder, which must be there while the rows are read.

    Parameters
    ----------
    settings : Settings
        ``training.shards`` says in how many shards the rows come, ``training.batch_rows`` how many
        rows a batch has at most, and the learner which layout.
    part : {"train", "validation", "test", "score"}
    spark, logical_date
        As in `petafit.train`.

    Returns
    -------
    Instances
        For `petafit.adapters.sklearn`, `petafit.adapters.dask` and `petafit.adapters.tensorflow`;
        iterating over it gives batches.

    Raises
    ------
    ConfigurationError
        Settings that cannot work, or a table that only Spark's own scan can read.
    ContractError
        The table does not hold what the task needs, or too many rows are bad.
    EmptyInputError
        There are no training rows to learn from.
    """
    with open_job("instances", settings, spark=spark, logical_date=logical_date) as job:
        rows = open_rows(job, job.settings.table)
        task, _ = task_with_stages(job, rows)
        if rows.how == "scan" or task.derived.spark is not None:
            raise ConfigurationError(
                f"The rows of {rows.snapshot.uri} come from Spark's own scan, anew in every pass",
                expected="stream: direct",
                hint="`petafit train --verbose` says why; other libraries need files as they are.",
            )
        if task.ids:
            raise ConfigurationError(
                f"{task.learner.name} reads no features that another library could learn from",
                hint="Name another learner.",
            )
        encoder = encoder_for(job, task, rows)
        if part != "train":
            encoder = encoder.of_other_rows()
        encoding = Encoding(task.checks, encoder)
        instances = Instances(rows.source(part, task.columns, task.derived), encoding)
    return instances
