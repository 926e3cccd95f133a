"""`petafit train`: profile the training rows, fit the learner, publish the model."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from petafit.aggregate.checked import Checked
from petafit.aggregate.engine import Keep
from petafit.config.layers import settings_digest
from petafit.config.settings import Settings, Training
from petafit.errors import ConfigurationError
from petafit.evaluation.evaluate import Evaluate, metrics_of
from petafit.evaluation.metrics import Figures
from petafit.features.encode import Encoder
from petafit.features.instances import Encoding
from petafit.learners.keeping import check_keepable, keep_summaries
from petafit.learners.learner import Learner
from petafit.learners.model import Model, Signature, SparkModel
from petafit.learners.refinement import check_refinable
from petafit.learners.registry import describe, make_learner
from petafit.store.arrays import Named
from petafit.store.models import ModelStore
from petafit.store.runs import Run
from petafit.stream.batches import Source
from petafit.stream.direct import DirectSource
from petafit.training.rounds import Rounds
from petafit.training.schedule import Schedule
from petafit.training.steps import Steps
from petafit.workflow.caching import open_cache
from petafit.workflow.job import Job, run_job
from petafit.workflow.profile import encoder_for, profiled
from petafit.workflow.rows import Rows, open_rows
from petafit.workflow.task import Task
from petafit.workflow.unused import tell_unused_by_spark, tell_unused_without_stacking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("petafit")


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
    found = describe(settings.learner)  # an unknown learner is refused before anything starts,
    ModelStore(settings.paths.models).check(settings.model_name)  # and so is a model without place
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
    if task.learner.family == "mllib":
        rows.require_spark()
        tell_unused_by_spark(job.settings.training, job.settings.learner.name)
        encoder = profiled(job, task, rows)
        with job.run.stage("fit"):
            product = _fit_in_spark(job, task, encoder, rows)
    else:
        encoder = encoder_for(job, task, rows)
        with job.run.stage("fit"):
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


def _fit_in_rounds(job: Job, task: Task, encoder: Encoder, rows: Rows, source: Source) -> _Product:
    settings = job.settings
    learner = make_learner(
        settings.learner,
        n_features=encoder.n_features,
        facts=encoder.facts,
        seed=settings.training.seed,
        merge=settings.training.merge,
    )
    signature = Signature(encoder, settings.learner, task.feature_schema)
    metrics, keep = metrics_of(signature), _keep(job, learner, rows, signature)

    def model(weights: Named) -> Model:
        return Model(encoder, settings.learner, task.feature_schema, weights)

    def validate(weights: Named) -> Figures:
        evaluate = Checked(task.checks, Evaluate(metrics))
        held_out = rows.source("validation", task.columns)
        named = model(weights).to_named()
        checked = job.passes.run("validate", evaluate, held_out, start=named).result
        return checked.require(settings.contract.max_bad_share)

    total = encoder.facts.rows or rows.estimated("train")
    schedule = _schedule(settings.training, learner, source, total)
    whole, parts = schedule.cut(source)
    with open_cache(job, whole) as cache:
        reserve = schedule.reserve(settings.training.seed)
        encoding = Encoding(task.checks, encoder, cache, reserve)
        rounds = Rounds(
            Steps(job.passes, encoding, learner, metrics, keep),
            training=settings.training,
            max_bad_share=settings.contract.max_bad_share,
            validate=validate if settings.split.validation else None,
        )
        trained = rounds.run(whole, parts, rows=total)
    job.run.update(
        rows=trained.rows,
        rounds=[asdict(done) for done in trained.rounds],
        timings={f"round {number}": seconds for number, seconds in trained.seconds.items()},
    )
    figures = {
        **(trained.progressive or {}),
        **{f"validation_{name}": value for name, value in (trained.best.validation or {}).items()},
        "rounds": len(trained.seconds),
        "rows_per_second": trained.rows_per_second,
    }
    return _Product(model(trained.weights), figures)


def _keep(job: Job, learner: Learner[Any], rows: Rows, signature: Signature) -> Keep | None:
    """What keeps the summaries of all partitions, where that is wanted."""
    training = job.settings.training
    if not training.keep_summaries:
        return None
    check_keepable(learner)

    def keep(summaries: Iterable[Named], merged: Named) -> None:
        told = keep_summaries(
            job.run.folder,
            summaries,
            merged,
            names=rows.partitions(),
            signature=signature,
            merge=training.merge,
            seed=training.seed,
        )
        job.run.update(summaries=told)

    return keep


def _schedule(
    training: Training, learner: Learner[Any], source: Source, rows: int | None
) -> Schedule:
    """When shards merge, and what is put aside for it.

    Raises
    ------
    ConfigurationError
        Refinement is wanted, and the learner or the source cannot have it.
    """
    if training.newton:
        check_refinable(learner)
    schedule = Schedule()
    if learner.stacks and isinstance(source, DirectSource):
        schedule = Schedule.of(training, shards=source.shards, rows=rows)
    elif learner.stacks:
        log.info("no rows are put aside: Spark's scan deals them anew in every round")
    if schedule == Schedule():
        tell_unused_without_stacking(training, learner.name)
    if training.newton and schedule.reserve(training.seed) is None:
        raise ConfigurationError(
            "`training.newton` needs rows put aside",
            expected="training.merge_rows above 0, and a table that is read directly",
            hint="Set `training.newton: 0`; `--verbose` says how the table is read.",
        )
    return schedule


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
    assert encoder.facts.rows is not None  # MLlib's features are always profiled
    began = time.monotonic()
    fitted = estimator.fit(frame, stages=features, weight=settings.weight)
    seconds = time.monotonic() - began
    return _Product(
        SparkModel(encoder, settings.learner, task.feature_schema),
        {"rows_per_second": encoder.facts.rows / seconds},
        partial(mllib.save, fitted),
    )
