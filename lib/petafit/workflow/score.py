"""`petafit score`: write a published model's predictions as a table."""

from functools import partial
from typing import Unpack

import pyarrow as pa

from petafit.aggregate.sink import WriteFiles
from petafit.config.settings import Settings
from petafit.config.tables import Table
from petafit.errors import ConfigurationError
from petafit.evaluation.score import Score, Scores
from petafit.models.predictions import PredictionColumns
from petafit.models.recommender import RecommenderModel
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.table.writers.output import Output
from petafit.table.writers.scope import Scope
from petafit.workflow.job import Job, JobOptions, open_job
from petafit.workflow.outputs import commit, new_output
from petafit.workflow.published import Published, open_published
from petafit.workflow.replacing import (
    DATE,
    default_output,
    is_dated,
    kept_partitions,
    refuse_loss,
    scope_of,
)
from petafit.workflow.rows import TaskRows, open_rows


def score(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Write the predictions of the task's model for all rows of a table.

    The workers write the files, and one commit puts them into the table: until then whoever reads
    it sees what was there before. Of what earlier runs wrote only what is scored again is replaced:
    whole partitions, or the rows of the logical date, as ``settings.score.replace`` says.

    Parameters
    ----------
    settings : Settings
        ``settings.score`` names the table to score, by default the task's own, and the output.
    frame, spark, run_id, logical_date
        As in `petafit.train`.

    Returns
    -------
    Run
        ``run.manifest["outputs"]`` says where the predictions are.

    Raises
    ------
    ConfigurationError
        There is no such model, rows of the output would be lost, or settings cannot work.
    ContractError
        The table does not fit the model; nothing was written.
    EmptyInputError
        There are no rows to score.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on; or another run
        wrote to the same part of the output meanwhile.
    """
    with open_job("score", settings, **options) as job:
        if job.finished:
            return job.run
        asked = job.settings.score.table or job.settings.table
        uri = job.settings.score.output or default_output(asked if job.frame is None else Table())
        published = open_published(job, open_rows(job, asked))
        rows = published.rows
        scope = scope_of(rows.settings, rows.snapshot, job.run.manifest["logical_date"])
        layout = _layout(job, published, scope)
        layout.check()
        output = _output(job, uri, layout.schema(published.model), scope, rows)
        with job.run.stage("score"):
            outcome = job.passes.run(
                "score",
                Score(layout, WriteFiles(output.staging, output.partition_by)),
                published.source("score", layout.kept.names),
                start=published.content,
                rows=rows.expected("score"),
            )
        with job.run.stage("commit"):
            commit(job, output, outcome.result.files)
        job.run.update(
            rows=_counts(outcome.result), metrics={"rows_per_second": outcome.rows_per_second}
        )
    return job.run


def _output(job: Job, uri: str, schema: pa.Schema, scope: Scope, rows: TaskRows) -> Output:
    """The table of predictions, which must not be the one that they are made from."""
    scored = rows.snapshot
    if Folder(uri).uri == scored.uri:
        raise ConfigurationError(
            f"The predictions would replace the table they are made from: {scored.uri}",
            hint="Set `score.output` to another folder.",
        )
    return new_output(
        job,
        uri,
        schema,
        format=job.settings.score.format,
        partition_by=tuple(dict.fromkeys((*scope.columns, *kept_partitions(scored)))),
        scope=scope,
        source=scored.uri,
        refuse=partial(refuse_loss, rows.settings, scored),
    )


def _layout(job: Job, published: Published, scope: Scope) -> PredictionColumns:
    """Keys, label where there is one, users and items where they are all that a model reads, and
    partition columns; stamped with model and run.

    The logical date is a column where its rows are what is replaced.
    """
    settings, snapshot = published.rows.settings, published.rows.snapshot
    names = {*settings.keys, settings.label.column, *snapshot.partition_columns}
    if isinstance(published.model, RecommenderModel):
        names.update(published.model.id_columns)
    kept = pa.schema([f for f in snapshot.schema if f.name in names])
    stamps = {f"model_{name}": value for name, value in published.version.identity.items()}
    date = {DATE: job.run.manifest[DATE]} if is_dated(scope, snapshot) else {}
    return PredictionColumns(kept, {**stamps, "run_id": job.run.run_id, **date})


def _counts(scores: Scores) -> dict[str, int]:
    """The manifest's entry of rows."""
    return {
        "in": scores.rows,
        "used": scores.rows - scores.quarantined,
        "quarantined": scores.quarantined,
        "out": scores.rows,
    }
