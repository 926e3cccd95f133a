"""`petafit train`: profile the training rows, fit the learner, publish the model."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from petafit.aggregate.checked import Checked
from petafit.config.layers import settings_digest
from petafit.config.settings import Settings
from petafit.evaluation.evaluate import Evaluate, metrics_of
from petafit.evaluation.metrics import Figures
from petafit.features.encode import Encoder
from petafit.learners.model import Model, Signature, SparkModel
from petafit.learners.registry import describe, make_learner
from petafit.store.arrays import Named
from petafit.store.models import ModelStore
from petafit.store.runs import Run
from petafit.stream.batches import Source
from petafit.training.rounds import Rounds
from petafit.workflow.job import Job, run_job
from petafit.workflow.rows import Rows, open_rows
from petafit.workflow.task import Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def train(
    settings: Settings,
    *,
    spark: "SparkSession | None" = None,
    run_id: str | None = None,
    logical_date: str | None = None,
) -> Run:
    """Fit the task's learner on its training rows and publish the model.

    Parameters
    ----------
    settings : Settings
        The task, the environment, the learner.
    spark : SparkSession, optional
        Used and not stopped; without it one is built, unless ``settings.engine`` is ``local``.
    run_id : str, optional
        The same id again resumes an unfinished run, and does nothing for a finished one.
    logical_date : str, optional
        The date the run stands for, as its scheduler knows it.

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
    describe(settings.learner)  # an unknown learner is refused before anything starts,
    ModelStore(settings.paths.models).check(settings.model_name)  # and so is a model without place
    return run_job("train", _train, settings, spark=spark, run_id=run_id, logical_date=logical_date)


@dataclass(frozen=True)
class _Product:
    """What fitting gives: the model, its metrics, and what Spark itself has to write."""

    model: Signature
    metrics: Figures
    attachment: Callable[[str], None] | None = None


def _train(job: Job) -> None:
    if job.run.manifest["model"]:
        return  # an earlier attempt was cut off after it had published
    rows = open_rows(job, job.settings.table)
    task = Task.of(job.settings, rows.snapshot.schema)
    source = rows.source("train", task.columns)
    task.learner.check_shards(source.shards)
    in_spark = task.learner.family == "mllib"
    if in_spark:
        rows.require_spark()
    encoder = _profile(job, task, source, rows.expected("train"))
    with job.run.stage("fit"):
        if in_spark:
            product = _fit_in_spark(job, task, encoder, rows)
        else:
            product = _fit_in_rounds(job, task, encoder, rows, source)
    with job.run.stage("publish"):
        version = job.models.publish(
            job.settings.model_name,
            product.model.to_named(),
            run_id=job.run.run_id,
            settings_digest=settings_digest(job.settings),
            metrics=product.metrics,
            attachment=product.attachment,
        )
    job.run.update(metrics=product.metrics, model=version.identity)
    job.run.folder.remove("rounds")


def _profile(job: Job, task: Task, source: Source, rows: int | None) -> Encoder:
    """What the features need to know of all training rows, compiled into an encoder."""
    aggregator = Checked(task.checks, task.profile)
    with job.run.stage("profile"):
        profile = job.passes.run("profile", aggregator, source, rows=rows)
    job.run.update(rows=profile.result.counts)
    return task.encoder(profile.result.require(job.settings.contract.max_bad_share))


def _fit_in_rounds(job: Job, task: Task, encoder: Encoder, rows: Rows, source: Source) -> _Product:
    settings = job.settings
    learner = make_learner(
        settings.learner,
        n_features=encoder.n_features,
        classes=encoder.facts.classes,
        seed=settings.training.seed,
        merge=settings.training.merge,
    )
    metrics = metrics_of(Signature(encoder, settings.learner, task.feature_schema))

    def model(weights: Named) -> Model:
        return Model(encoder, settings.learner, task.feature_schema, weights)

    def validate(weights: Named) -> Figures:
        evaluate = Checked(task.checks, Evaluate(metrics))
        held_out = rows.source("validation", task.columns)
        named = model(weights).to_named()
        checked = job.passes.run("validate", evaluate, held_out, start=named).result
        return checked.require(settings.contract.max_bad_share)

    rounds = Rounds(
        passes=job.passes,
        encoder=encoder,
        learner=learner,
        checks=task.checks,
        metrics=metrics,
        training=settings.training,
        validate=validate if settings.split.validation else None,
    )
    trained = rounds.run(source, rows=encoder.facts.rows)
    figures = {
        **(trained.rounds[0].progressive or {}),
        **{f"validation_{name}": value for name, value in (trained.best.validation or {}).items()},
        "rounds": len(trained.rounds),
        "rows_per_second": trained.rows_per_second,
    }
    return _Product(model(trained.weights), figures)


def _fit_in_spark(job: Job, task: Task, encoder: Encoder, rows: Rows) -> _Product:
    from petafit.features.stages import stages
    from petafit.learners import mllib
    from petafit.learners.frames import training_frame

    settings = job.settings
    estimator = mllib.make_estimator(
        settings.learner, kind=task.learner.kind, seed=settings.training.seed
    )
    frame = training_frame(rows.scan("train", task.columns), task.checks, encoder)
    features = stages(task.features, encoder.facts, settings.hash_bits)
    began = time.monotonic()
    fitted = estimator.fit(frame, stages=features, weight=settings.weight)
    seconds = time.monotonic() - began
    return _Product(
        SparkModel(encoder, settings.learner, task.feature_schema),
        {"rows_per_second": encoder.facts.rows / seconds},
        partial(mllib.save, fitted),
    )
