"""Fitting petafit's own learners and scikit-learn's, in rounds over the shards of the table."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from petafit.aggregate.checked import Checked
from petafit.aggregate.engine import Keep
from petafit.config.settings import Training
from petafit.evaluation.evaluate import Evaluate, metrics_of
from petafit.evaluation.metrics import Figures, Metrics
from petafit.features.encoder import Encoder
from petafit.features.instances import Encoding
from petafit.learners.base import Learner
from petafit.learners.registry import make_learner
from petafit.models.model import Model
from petafit.models.partition_summaries import check_keepable, keep_summaries
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict
from petafit.stream.batches import Source
from petafit.training.loop import TrainingLoop
from petafit.training.schedule import schedule_for
from petafit.training.state import Trained
from petafit.training.steps import Steps
from petafit.workflow.cautions import warn_of_inputs, warn_of_model
from petafit.workflow.instance_cache import open_cache
from petafit.workflow.job import Job
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

log = logging.getLogger("petafit")


def fit_in_rounds(
    job: Job, task: Task, encoder: Encoder, rows: TaskRows, source: Source
) -> tuple[Model, Figures]:
    """Fit the task's learner to the training rows.

    Returns
    -------
    Model
    Figures
        The metrics of its training.

    Raises
    ------
    ConfigurationError
        Refinement or kept summaries are wanted, and the learner or the source cannot have them.
    ContractError
        Too many rows break the contract.
    EmptyInputError
        There are no rows.
    """
    settings = job.settings
    learner = make_learner(
        task.settings.learner,
        n_features=encoder.n_features,
        statistics=encoder.statistics,
        seed=settings.training.seed,
        merge=settings.training.merge,
    )
    warn_of_inputs(job, encoder, task.learner)
    signature = task.signature(encoder)
    metrics, keep = metrics_of(signature), _keep(job, learner, rows, signature)

    validate = _validation(job, task, rows, metrics, signature)
    training = _as_needed(settings.training, learner)
    total = encoder.statistics.rows or rows.estimated("train")
    schedule = schedule_for(training, learner, source, total, validated=validate is not None)
    whole, parts = schedule.cut(source)
    with open_cache(job, whole, passes=training.rounds + training.newton) as cache:
        holdout = schedule.merge_holdout(training.seed)
        encoding = Encoding(task.checks, encoder, cache, holdout)
        holdout_judges = bool(training.newton) and validate is None
        loop = TrainingLoop(
            Steps(job.passes, encoding, learner, metrics, keep, holdout_judges=holdout_judges),
            training=training,
            max_bad_share=settings.contract.max_bad_share,
            validate=validate,
        )
        trained = loop.run(whole, parts, rows=total)
    fitted, figures = Model.of(signature, trained.weights), _recorded(job, trained)
    warn_of_model(job, fitted, source, task.checks, validated=trained.best.validation)
    return fitted, figures


def _validation(
    job: Job,
    task: Task,
    rows: TaskRows,
    metrics: Metrics,
    signature: Signature,
) -> Callable[[StateDict], Figures] | None:
    """A function that measures weights on the validation rows, where the task has any."""
    settings = job.settings
    if not settings.split.validation:
        return None
    held_out = rows.source("validation", task.columns, task.derived)

    def validate(weights: StateDict) -> Figures:
        evaluate = Checked(task.checks, Evaluate(metrics))
        named = Model.of(signature, weights).to_state_dict()
        checked = job.passes.run("validate", evaluate, held_out, start=named).result
        return checked.require(settings.contract.max_bad_share)

    return validate


def _recorded(job: Job, trained: Trained) -> Figures:
    """The metrics of a training, whose rounds are put into the manifest."""
    job.run.update(
        rows=trained.rows,
        rounds=[asdict(done) for done in trained.rounds],
        timings={f"round {number}": seconds for number, seconds in trained.seconds.items()},
    )
    return {
        **(trained.progressive or {}),
        **{f"validation_{name}": value for name, value in (trained.best.validation or {}).items()},
        "rounds": len(trained.seconds),
        "rows_per_second": trained.rows_per_second,
    }


def _as_needed(training: Training, learner: Learner[Any]) -> Training:
    """One round for an exact learner: it would count the rows of a second one once more."""
    if not learner.exact or training.rounds == 1:
        return training
    log.info("one round, not %d: %s is exact after it", training.rounds, learner.name)
    return training.model_copy(update={"rounds": 1})


def _keep(job: Job, learner: Learner[Any], rows: TaskRows, signature: Signature) -> Keep | None:
    """A function that keeps the summaries of all partitions, where that is wanted."""
    training = job.settings.training
    if not training.keep_summaries:
        return None
    check_keepable(learner)

    def keep(summaries: Iterable[StateDict], merged: StateDict) -> None:
        entry = keep_summaries(
            job.run.folder,
            summaries,
            merged,
            names=rows.partitions(),
            signature=signature,
            merge=training.merge,
            seed=training.seed,
        )
        job.run.update(summaries=entry)

    return keep
