"""`petafit evaluate`: measure a published model on the test rows."""

from typing import Unpack

from petafit.aggregate.checked import Checked
from petafit.config.settings import Settings
from petafit.evaluation.evaluate import Evaluate, metrics_of
from petafit.evaluation.recommendations import EvaluateRecommender
from petafit.learners.objective import PERCENTILE_RANK
from petafit.models.signature import Signature
from petafit.store.runs import Run
from petafit.workflow.cautions import warn_of_figures
from petafit.workflow.evaluate_clusters import evaluate_clusters
from petafit.workflow.job import JobOptions, open_job
from petafit.workflow.published import open_published, report_rows
from petafit.workflow.rows import open_rows
from petafit.workflow.task import Task


def evaluate(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Measure the task's model on the task's test rows.

    Parameters
    ----------
    settings : Settings
        ``settings.model`` names the model: ``flights`` for its latest version, ``flights@3`` or
        ``flights@champion`` for a certain one. The latest is that of the latest logical date.
    frame, spark, run_id, logical_date
        As in `petafit.train`.

    Returns
    -------
    Run
        ``run.manifest["metrics"]`` holds the metrics; ``run.manifest["measured_on"]`` is ``test``,
        or ``training`` where the task has no split, so that they say little about other rows.

    Raises
    ------
    ConfigurationError
        There is no such model, it predicts another label, or settings cannot work.
    ContractError
        The table does not hold what the model reads, or too many rows are bad.
    EmptyInputError
        There are no test rows.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on.
    """
    with open_job("evaluate", settings, **options) as job:
        if job.finished:
            return job.run
        published = open_published(job, open_rows(job, job.settings.table))
        rows = published.rows
        task = Task.of(rows.settings, rows.snapshot, published.derived)
        published.check_target(label=task.label, weight=task.settings.weight)
        report_rows(job, published.version)
        source, checks = published.source("test", task.columns), published.checks(task.checks)
        if published.model.kind == "clusterer":
            job.run.update(metrics=evaluate_clusters(job, published, source, checks))
            return job.run
        aggregator = Checked(checks, _measuring(published.model))
        with job.run.stage("evaluate"):
            outcome = job.passes.run(
                "evaluate", aggregator, source, start=published.content, rows=rows.expected("test")
            )
        job.run.update(rows=outcome.result.counts)
        metrics = outcome.result.require(job.settings.contract.max_bad_share)
        job.run.update(metrics={**metrics, "rows_per_second": outcome.rows_per_second})
        statistics = published.model.encoder.statistics
        warn_of_figures(job, metrics, statistics, rows="the rows measured")
    return job.run


def _measuring(model: Signature) -> EvaluateRecommender | Evaluate:
    """The metrics of a recommender, or of any other model with a label."""
    if model.kind == "recommender":
        return EvaluateRecommender(implicit=model.objective == PERCENTILE_RANK)
    return Evaluate(metrics_of(model))
