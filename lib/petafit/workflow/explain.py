"""`petafit explain`: what made a published model what it is; so far, the days it was trained on."""

from typing import Any, Unpack

from petafit.aggregate.checked import Checked
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.evaluation.evaluate import metrics_of
from petafit.explanation.influence import Changes, Influence
from petafit.explanation.leave_one_out import leave_one_out, to_state_dict
from petafit.learners.registry import describe
from petafit.models.partition_summaries import KeptSummaries
from petafit.store.runs import Run, RunStore
from petafit.workflow.job import Job, JobOptions, open_job
from petafit.workflow.published import Published, open_published, report_rows
from petafit.workflow.rows import open_rows
from petafit.workflow.task import Task

_IN_MANIFEST = 10
_FILE = "influence.json"
_QUANTILE = 1.96
"""Of the normal distribution: 95% lie within so many standard errors of the mean."""


def explain(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Say which partitions of the training rows help a model on the test rows, and which hurt it.

    Parameters
    ----------
    settings : Settings
        ``settings.explain`` says what to explain, ``settings.model`` of which model, as for
        `petafit.evaluate`. The run that trained it must have kept the summaries of its partitions,
        by ``training.keep_summaries``, and must still be there.
    frame, spark, run_id, logical_date
        As in `petafit.train`.

    Returns
    -------
    Run
        ``run.manifest["influence"]`` has the ten partitions that hurt most and the ten that help
        most; ``influence.json`` in the run folder has all. For each: its ``rows``, the ``change``
        of the loss if it had been left out, the change's ``standard_error`` over the test rows and
        its 95% ``interval``. Of 100 partitions that do nothing, about 5 have an interval without 0.

    Raises
    ------
    ConfigurationError
        There is no such model, its partitions were not kept, or settings cannot work.
    ContractError
        The table does not hold what the model reads, or too many rows are bad.
    EmptyInputError
        There are no test rows.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on.
    """
    if settings.explain.influence is None:
        raise ConfigurationError(
            "There is nothing to explain",
            expected="explain.influence: partitions",
            hint="Say `petafit explain --influence partitions`.",
        )
    with open_job("explain", settings, **options) as job:
        if job.finished:
            return job.run
        published = open_published(job, open_rows(job, job.settings.table))
        task = Task.of(published.rows.settings, published.rows.snapshot, published.derived)
        published.check_target(label=task.label, weight=task.settings.weight)
        _refuse_whole(published)
        report_rows(job, published.version)
        kept = KeptSummaries.open(
            RunStore(job.settings.paths.runs).folder.child(published.version.run_id)
        )
        changes = _changes(job, published, task, kept)
        _report(job, kept, changes, metrics_of(published.model).loss_name)
    return job.run


def _refuse_whole(published: Published) -> None:
    """Refuse a model of which no partition can be taken out.

    Raises
    ------
    ConfigurationError
        Spark has fitted it.
    """
    choice = published.model.choice
    if describe(choice).family == "mllib":
        raise ConfigurationError(
            f"The influence of partitions on a model of {choice.name} cannot be measured: Spark "
            "fits it whole",
            expected="a model of a learner of petafit's or scikit-learn's",
            hint="Name another model with `model`.",
        )


def _changes(job: Job, published: Published, task: Task, kept: KeptSummaries) -> Changes:
    """The changes of the loss on the test rows where each partition is left out."""
    with job.run.stage("leave out"):
        variants = leave_one_out(kept)
    aggregator = Checked(published.checks(task.checks), Influence(len(kept.partitions)))
    with job.run.stage("score"):
        outcome = job.passes.run(
            "explain influence",
            aggregator,
            published.source("test", task.columns),
            start=to_state_dict(kept.reads, variants),
            rows=published.rows.expected("test"),
        )
    job.run.update(rows=outcome.result.counts)
    return outcome.result.require(job.settings.contract.max_bad_share)


def _report(job: Job, kept: KeptSummaries, changes: Changes, loss: str) -> None:
    """All partitions into a file, the most harmful first; the extremes into the manifest."""
    partitions = _by_harm(kept, changes)
    job.run.folder.write_json(_FILE, {"loss": loss, loss: changes.loss, "partitions": partitions})
    hurt = [each for each in partitions if each["change"] < 0]
    help_ = [each for each in reversed(partitions) if each["change"] > 0]
    path = f"{job.run.folder.uri}/{_FILE}"
    job.run.update(
        metrics={loss: changes.loss},
        influence={"loss": loss, "hurt": hurt[:_IN_MANIFEST], "help": help_[:_IN_MANIFEST]},
        outputs=[{"path": path, "format": "json", "rows": len(partitions)}],
    )


def _by_harm(kept: KeptSummaries, changes: Changes) -> list[dict[str, Any]]:
    """The manifest's entry of each partition, the most harmful first."""
    columns = kept.partitions, changes.change.tolist(), changes.standard_error.tolist()
    entries = [
        {
            "partition": partition.name,
            "rows": partition.rows,
            "change": change,
            "standard_error": error,
            "interval": [change - _QUANTILE * error, change + _QUANTILE * error],
        }
        for partition, change, error in zip(*columns, strict=True)
    ]
    return sorted(entries, key=lambda each: each["change"])
