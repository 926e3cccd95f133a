"""`petafit train`: profile the training rows, fit the learner, publish the model."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.evaluation.metrics import Figures
from petafit.features.encoding.hashing import IndexSpace
from petafit.learners.arrays import diverged
from petafit.learners.registry import describe
from petafit.models.mllib import SparkModel
from petafit.models.signature import Signature
from petafit.models.store import ModelStore
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.training.schedule import log_unused
from petafit.workflow.derived import Derived
from petafit.workflow.fit_in_rounds import fit_in_rounds
from petafit.workflow.job import Job, JobOptions, open_job
from petafit.workflow.profile import encoder_for, profiled
from petafit.workflow.rows import TaskRows, open_rows
from petafit.workflow.stages import TaskStages, task_with_stages
from petafit.workflow.task import Task

_OF_ROUNDS = ("rounds", "merge", "merge_holdout", "parts", "patience", "cache")
"""The settings of a training that mean nothing where Spark itself fits the learner."""


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
        model: Signature
        attachment: Callable[[str], None] | None = None
        if task.learner.family == "mllib":
            rows.require_spark()
            model, metrics, attachment = _fit_in_spark(job, task, rows)
        else:
            encoder = encoder_for(job, task, rows)
            with job.run.stage("fit"):
                model, metrics = fit_in_rounds(job, task, encoder, rows, source)
        _publish(job, model, metrics, attachment, stages)
        job.run.folder.remove("rounds")
    return job.run


def _publish(
    job: Job,
    model: Signature,
    metrics: Figures,
    attachment: Callable[[str], None] | None,
    stages: TaskStages | None,
) -> None:
    """Publish a version of the model, and put it into the manifest."""
    with job.run.stage("publish"):
        version = job.models.publish(
            job.settings.model_name,
            model.to_state_dict(),
            run_id=job.run.run_id,
            settings_digest=job.run.manifest["settings_digest"],
            metrics=metrics,
            logical_date=job.run.manifest["logical_date"],
            attachment=attachment,
            stages=stages.copy_to if stages and stages.spark else None,
            owner=job.run.folder.uri,
        )
    job.run.update(metrics=metrics, model=version.identity)


def _check(settings: Settings) -> None:
    """Refuse, before anything starts, what cannot be fitted or published."""
    found = describe(settings.learner)
    ModelStore(settings.paths.models).check(settings.model_name)
    if found.family == "mllib" and settings.training.newton:
        raise ConfigurationError(
            f"`training.newton` cannot refine {found.name}",
            expected="an online linear learner of petafit's",
            hint="Set `training.newton: 0`.",
        )
    if found.family == "mllib" and settings.training.keep_summaries:
        raise ConfigurationError(
            f"`training.keep_summaries` has nothing to keep of {found.name}: Spark fits it whole",
            expected="a learner of petafit's or scikit-learn's",
            hint="Leave `training.keep_summaries` out, or choose another learner.",
        )


def _fit_in_spark(
    job: Job, task: Task, rows: TaskRows
) -> tuple[SparkModel, Figures, Callable[[str], None]]:
    """Profile the training rows, and let Spark fit an estimator of MLlib's to them.

    Returns
    -------
    SparkModel
    Figures
        The metrics of its training.
    callable
        Writes what Spark has fitted to an address.

    Raises
    ------
    ConfigurationError
        An invalid parameter, an estimator of the other kind than the label, or one that cannot
        learn from such rows.
    """
    from petafit.features.spark.stages import stages
    from petafit.learners.mllib import estimators as mllib
    from petafit.learners.mllib.frames import check_names, training_frame
    from petafit.learners.mllib.limits import check_choice, check_statistics

    settings = task.settings
    log_unused(settings.training, _OF_ROUNDS, f"Spark itself fits {settings.learner.name}")
    estimator = mllib.make_estimator(
        settings.learner, kind=task.learner.kind, seed=settings.training.seed
    )
    space = IndexSpace(task.features, settings.hash_bits)
    check_choice(settings.learner, n_features=space.size, columns=task.columns)
    encoder = profiled(job, task, rows)
    check_statistics(settings.learner, encoder)
    # Spark takes no vectors from Python: stages are applied to what comes back from there.
    scanned = rows.scan_derived("train", task.columns, Derived(task.derived.functions))
    frame = training_frame(scanned, task.checks.within(scanned.schema.names), encoder)
    if task.derived.spark is not None and task.derived.stages is not None:
        made = [column.name for column in task.derived.stages.of_spark]
        check_names(made)
        frame = task.derived.spark.apply(frame, made)
    features = stages(task.features, encoder.statistics, settings.hash_bits, settings.unicode)
    assert encoder.statistics.rows is not None  # MLlib's features are always profiled
    began = time.monotonic()
    with job.run.stage("fit"):
        fitted = estimator.fit(frame, stages=features, weight=settings.weight)
    seconds = time.monotonic() - began
    model = SparkModel.of_signature(task.signature(encoder))
    metrics: Figures = {"rows_per_second": encoder.statistics.rows / seconds}
    return model, metrics, partial(_save, fitted, settings.learner.name)


def _save(fitted: Any, learner: str, uri: str) -> None:
    """Write the model, and refuse it where it is not finite."""
    from petafit.learners.mllib import estimators as mllib
    from petafit.learners.mllib.files import first_not_finite

    mllib.save(fitted, uri)
    spoilt = first_not_finite(Folder(uri))
    if spoilt:
        raise diverged(learner, spoilt)
