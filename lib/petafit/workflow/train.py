"""`petafit train`: profile the training rows, fit the learner, publish the model."""

from typing import Unpack

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.learners.registry import describe
from petafit.models.store import ModelStore
from petafit.store.runs import Run
from petafit.workflow.fit_factors import fit_factors
from petafit.workflow.fit_in_rounds import fit_in_rounds
from petafit.workflow.fit_in_spark import FittedModel, fit_in_spark
from petafit.workflow.job import Job, JobOptions, open_job
from petafit.workflow.profile import encoder_for
from petafit.workflow.rows import open_rows
from petafit.workflow.stages import TaskStages, task_with_stages
from petafit.workflow.step_size import with_step_size


def train(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Fit the task's learner on its training rows and publish the model.

    Parameters
    ----------
    settings : Settings
        The task, the environment, the learner.
    frame : DataFrame, optional
        The rows, instead of ``settings.table``; Spark reads them anew in every pass.
    spark : SparkSession, optional
        Used and not stopped; without it one is built, unless ``settings.engine`` is ``local``.
    run_id : str, optional
        The same id again resumes an unfinished run, and does nothing for a finished one.
    logical_date : str, optional
        The date the run stands for, as its scheduler knows it, in ISO 8601 form; it takes the place
        of ``{logical_date}`` in ``table.filter``, ``split`` and ``score``.

    Returns
    -------
    Run
        ``run.manifest["metrics"]`` and ``run.manifest["model"]`` say what came of it.

    Raises
    ------
    ConfigurationError
        Settings that cannot work.
    ContractError
        The table does not hold what the task needs, or too many rows are bad.
    EmptyInputError
        There are no training rows.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on.
    """
    _check(settings)
    with open_job("train", settings, **options) as job:
        if job.finished or job.run.manifest["model"]:  # an attempt may be cut off once it published
            return job.run
        rows = open_rows(job, job.settings.table)
        task, stages = task_with_stages(job, rows)
        source = rows.source("train", task.columns, task.derived)
        task.learner.check_shards(source.shards)
        if task.learner.family == "mllib":
            rows.require_spark()
            fit = fit_factors if task.learner.kind == "recommender" else fit_in_spark
            fitted = fit(job, task, rows)
        elif task.learner.family == "xgboost":
            from petafit.workflow.fit_trees import fit_trees

            fitted = fit_trees(job, task, rows, source)
        else:
            encoder = encoder_for(job, task, rows)
            task = with_step_size(job, task, encoder, rows, source)
            with job.run.stage("fit"):
                fitted = FittedModel(*fit_in_rounds(job, task, encoder, rows, source))
        _publish(job, fitted, stages)
        job.run.folder.remove("rounds")
        job.run.folder.remove("trees")
    return job.run


def _publish(job: Job, fitted: FittedModel, stages: TaskStages | None) -> None:
    """Publish a version of the model, and put it into the manifest."""
    with job.run.stage("publish"):
        version = job.models.publish(
            job.settings.model_name,
            fitted.model.to_state_dict(),
            run_id=job.run.run_id,
            settings_digest=job.run.manifest["settings_digest"],
            metrics=fitted.metrics,
            weights=fitted.weights,
            logical_date=job.run.manifest["logical_date"],
            attachment=fitted.attachment,
            stages=stages.copy_to if stages and stages.spark else None,
            owner=job.run.folder.uri,
        )
    job.run.update(metrics=fitted.metrics, model=version.identity)
    if fitted.weights:
        job.run.update(weights=fitted.weights)


def _check(settings: Settings) -> None:
    """Refuse, before anything starts, what cannot be fitted or published."""
    found = describe(settings.learner)
    ModelStore(settings.paths.models).check(settings.model_name)
    fits_itself = {"mllib": "Spark", "xgboost": "XGBoost"}.get(found.family)
    if fits_itself and settings.training.newton:
        raise ConfigurationError(
            f"`training.newton` cannot refine {found.name}",
            expected="an online linear learner of petafit's",
            hint="Set `training.newton: 0`.",
        )
    if fits_itself and settings.training.keep_summaries:
        raise ConfigurationError(
            f"`training.keep_summaries` has nothing to keep of {found.name}: {fits_itself} fits it "
            "whole",
            expected="a learner of petafit's or scikit-learn's",
            hint="Leave `training.keep_summaries` out, or choose another learner.",
        )
