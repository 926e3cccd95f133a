"""Fitting by Spark: an estimator of MLlib's, with its features as stages."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from petafit.evaluation.metrics import Figures
from petafit.features.encoding.hashing import IndexSpace
from petafit.learners.arrays import diverged
from petafit.models.mllib import SparkModel
from petafit.models.signature import Signature
from petafit.store.filesystem import Folder
from petafit.training.schedule import log_unused
from petafit.workflow.derived import Derived
from petafit.workflow.feature_weights import feature_weights
from petafit.workflow.job import Job
from petafit.workflow.profile import profiled
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

log = logging.getLogger("petafit")

OF_ROUNDS = ("rounds", "merge", "merge_holdout", "parts", "patience", "cache")
"""The settings of a training that mean nothing where Spark itself fits the learner."""


@dataclass(frozen=True)
class FittedModel:
    """A model to publish.

    Attributes
    ----------
    metrics : mapping of str to float
        Of its training.
    attachment : callable, optional
        Writes what Spark has fitted to an address.
    weights : mapping, optional
        The weights of its features by name, as `petafit.workflow.feature_weights` gives them.
    """

    model: Signature
    metrics: Figures
    attachment: Callable[[str], None] | None = None
    weights: Mapping[str, Any] | None = None


def fit_in_spark(job: Job, task: Task, rows: TaskRows) -> FittedModel:
    """Profile the training rows, and let Spark fit an estimator of MLlib's to them.

    Raises
    ------
    ConfigurationError
        An invalid parameter, an estimator of the other kind than the label, or one that cannot
        learn from such rows.
    """
    from petafit.features.spark.stages import check_features, stages
    from petafit.learners.mllib import estimators as mllib
    from petafit.learners.mllib.frames import check_names, training_frame
    from petafit.learners.mllib.limits import check_choice, check_statistics
    from petafit.learners.mllib.weights import weights_of

    settings = task.settings
    log_unused(settings.training, OF_ROUNDS, f"Spark itself fits {settings.learner.name}")
    estimator = mllib.make_estimator(
        settings.learner, kind=task.learner.kind, seed=settings.training.seed
    )
    if task.label is None and settings.label.column is not None:
        log.info("no effect: label; %s learns without one", settings.learner.name)
    check_features(task.features)
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
    features = stages(encoder.features, encoder.statistics, settings.hash_bits, settings.unicode)
    assert encoder.statistics.rows is not None  # MLlib's features are always profiled
    began = time.monotonic()
    with job.run.stage("fit"):
        fitted = estimator.fit(frame, stages=features, weight=settings.weight)
    seconds = time.monotonic() - began
    model = SparkModel.of_signature(task.signature(encoder))
    metrics: Figures = {"rows_per_second": encoder.statistics.rows / seconds}
    found = weights_of(fitted.stages[-1])
    weights = feature_weights(job, task, encoder, rows, found) if found else None
    return FittedModel(model, metrics, partial(_save, fitted, settings.learner.name), weights)


def _save(fitted: Any, learner: str, uri: str) -> None:
    """Write the model, and refuse it where it is not finite."""
    from petafit.learners.mllib import estimators as mllib
    from petafit.learners.mllib.files import first_not_finite

    mllib.save(fitted, uri)
    spoilt = first_not_finite(Folder(uri))
    if spoilt:
        raise diverged(learner, spoilt)
