"""Fitting a recommender by Spark: ids are numbered, and the factors become the model."""

import logging
import time
from typing import Any

import pyarrow as pa

from petafit.aggregate.aggregator import Combined
from petafit.evaluation.metrics import Figures
from petafit.learners.mllib.distinct_ids import DistinctIds
from petafit.learners.mllib.factors import MOST_FACTORS
from petafit.learners.mllib.ids import stored_type
from petafit.learners.mllib.recommenders import is_implicit
from petafit.models.recommender import RecommenderModel
from petafit.models.signature import Signature
from petafit.training.schedule import log_unused
from petafit.workflow.fit_in_spark import OF_ROUNDS, FittedModel
from petafit.workflow.job import Job
from petafit.workflow.profile import profile_of
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

log = logging.getLogger("petafit")

_FOLDER = "factors"
_RANK = 10
"""Spark's own, where the task names none."""


def fit_factors(job: Job, task: Task, rows: TaskRows) -> FittedModel:
    """Number the users and items of the training rows, and let Spark fit their factors.

    Raises
    ------
    ConfigurationError
        An invalid parameter, or too many ids.
    DivergedError
        The factors are not finite.
    """
    from petafit.learners.mllib import estimators as mllib
    from petafit.learners.mllib.ratings import StoredIds, factors_of, ratings

    settings, choice = task.settings, task.settings.learner
    log_unused(settings.training, OF_ROUNDS, f"Spark itself fits {choice.name}")
    estimator = mllib.make_estimator(choice, kind="recommender", seed=settings.training.seed)
    found = profile_of(job, task, rows, Combined({"statistics": task.profile, "ids": _ids(task)}))
    encoder = task.encoder(found["statistics"])
    folder = job.run.folder.child(_FOLDER)
    ids = StoredIds.write(folder, found["ids"])
    source = rows.scan_derived("train", task.columns, task.derived)
    frame = ratings(source, task.checks, encoder, ids, implicit=is_implicit(choice.params))
    began = time.monotonic()
    with job.run.stage("fit"):
        fitted = estimator.fit(frame).stages[-1]
        factors = factors_of(fitted, ids, folder)
    seconds = time.monotonic() - began
    folder.remove()
    signature = task.signature(encoder)
    model = RecommenderModel.of(_of_any_width(signature), factors)
    assert encoder.statistics.rows is not None  # ids are always profiled
    metrics: Figures = {
        "rows_per_second": encoder.statistics.rows / seconds,
        "users": float(len(factors.users)),
        "items": float(len(factors.items)),
        "rank": float(factors.rank),
    }
    return FittedModel(model, metrics)


def _ids(task: Task) -> DistinctIds:
    rank: Any = task.settings.learner.params.get("rank", _RANK)
    most = MOST_FACTORS // max(int(rank), 1)
    return DistinctIds(task.ids, task.schema, most=most, weight=task.settings.weight)


def _of_any_width(signature: Signature) -> Signature:
    """Return the signature with ids of 64 bits: others than those of the training may be longer."""
    fields = []
    for field in signature.schema:
        whole = pa.types.is_integer(field.type)
        fields.append(field.with_type(stored_type(field.type)) if whole else field)
    return Signature(signature.encoder, signature.choice, pa.schema(fields))
