"""Fitting petafit's own learners and scikit-learn's, in rounds over the shards of the table."""

import logging
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from petafit.aggregate.checked import Checked
from petafit.aggregate.engine import Keep
from petafit.config.settings import Training
from petafit.errors import ConfigurationError
from petafit.evaluation.evaluate import Evaluate, metrics_of
from petafit.evaluation.metrics import Figures
from petafit.features.encoder import Encoder
from petafit.features.instances import Encoding
from petafit.learners.base import Learner
from petafit.learners.online.newton.step import check_refinable
from petafit.learners.registry import make_learner
from petafit.models.model import Model, Signature
from petafit.models.write_partition_summaries import check_keepable, keep_summaries
from petafit.store.arrays import StateDict
from petafit.stream.batches import Source
from petafit.stream.direct import DirectSource
from petafit.training.rounds import Rounds
from petafit.training.schedule import Schedule
from petafit.training.steps import Steps
from petafit.workflow.caching import open_cache
from petafit.workflow.job import Job
from petafit.workflow.product import Product
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task
from petafit.workflow.unused import tell_unused_by_exact, tell_unused_without_stacking

log = logging.getLogger("petafit")


def fit_in_rounds(
    job: Job, task: Task, encoder: Encoder, rows: TaskRows, source: Source
) -> Product:
    """Fit the task's learner to the training rows.

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
        settings.learner,
        n_features=encoder.n_features,
        statistics=encoder.statistics,
        seed=settings.training.seed,
        merge=settings.training.merge,
    )
    signature = Signature(encoder, settings.learner, task.feature_schema)
    metrics, keep = metrics_of(signature), _keep(job, learner, rows, signature)

    def model(weights: StateDict) -> Model:
        return Model(encoder, settings.learner, task.feature_schema, weights)

    held_out = rows.source("validation", task.columns) if settings.split.validation else None

    def validate(weights: StateDict) -> Figures:
        assert held_out is not None
        evaluate = Checked(task.checks, Evaluate(metrics))
        named = model(weights).to_state_dict()
        checked = job.passes.run("validate", evaluate, held_out, start=named).result
        return checked.require(settings.contract.max_bad_share)

    training = _as_needed(settings.training, learner)
    total = encoder.statistics.rows or rows.estimated("train")
    schedule = _schedule(training, learner, source, total, validated=held_out is not None)
    whole, parts = schedule.cut(source)
    with open_cache(job, whole) as cache:
        reserve = schedule.reserve(training.seed)
        encoding = Encoding(task.checks, encoder, cache, reserve)
        judges_aside = bool(training.newton) and held_out is None
        rounds = Rounds(
            Steps(job.passes, encoding, learner, metrics, keep, judges_aside=judges_aside),
            training=training,
            max_bad_share=settings.contract.max_bad_share,
            validate=validate if held_out else None,
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
    return Product(model(trained.weights), figures)


def _as_needed(training: Training, learner: Learner[Any]) -> Training:
    """One round for an exact learner: it would count the rows of a second one once more."""
    if not learner.exact or training.rounds == 1:
        return training
    log.info("one round, not %d: %s is exact after it", training.rounds, learner.name)
    return training.model_copy(update={"rounds": 1})


def _keep(job: Job, learner: Learner[Any], rows: TaskRows, signature: Signature) -> Keep | None:
    """What keeps the summaries of all partitions, where that is wanted."""
    training = job.settings.training
    if not training.keep_summaries:
        return None
    check_keepable(learner)

    def keep(summaries: Iterable[StateDict], merged: StateDict) -> None:
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
    training: Training,
    learner: Learner[Any],
    source: Source,
    rows: int | None,
    *,
    validated: bool,
) -> Schedule:
    """When shards merge, and what is put aside for it.

    Raises
    ------
    ConfigurationError
        Refinement is wanted, and the learner cannot have it, or nothing would judge it.
    """
    if training.newton:
        check_refinable(learner)
    schedule = Schedule()
    if learner.stacks and isinstance(source, DirectSource):
        schedule = Schedule.of(training, shards=source.shards, rows=rows, validated=validated)
    elif learner.stacks:
        log.info("no rows are put aside: Spark's scan deals them anew in every round")
    if learner.exact:
        tell_unused_by_exact(training, learner.name)
    elif schedule == Schedule():
        tell_unused_without_stacking(training, learner.name)
    if training.newton and not validated and schedule.reserve(training.seed) is None:
        raise ConfigurationError(
            "`training.newton` needs rows to be judged by",
            expected="split.validation; or training.merge_holdout above 0, shards merged by "
            "stacking, and a table that is read directly",
            hint="Set `split.validation`, or `training.newton: 0`; `--verbose` says how the table "
            "is read.",
        )
    return schedule
