"""Fitting a learner of MLlib's: Spark itself does it, with the features as its own stages."""

import time
from functools import partial
from typing import Any

from petafit.features.encoding.index_space import IndexSpace
from petafit.learners.finite import diverged
from petafit.learners.mllib.files import first_not_finite
from petafit.learners.mllib.limits import check_choice, check_statistics
from petafit.models.model import SparkModel
from petafit.store.filesystem import Folder
from petafit.workflow.job import Job
from petafit.workflow.product import Product
from petafit.workflow.profile import profiled
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task
from petafit.workflow.unused import tell_unused_by_spark


def fit_in_spark(job: Job, task: Task, rows: TaskRows) -> Product:
    """Profile the training rows, and fit the task's estimator to them as Spark's scan gives them.

    Raises
    ------
    ConfigurationError
        An invalid parameter, an estimator of the other kind than the label, or one that cannot
        learn from such rows.
    """
    from petafit.features.spark.stages import stages
    from petafit.learners.mllib import estimators as mllib
    from petafit.learners.mllib.frames import training_frame

    settings = task.settings
    tell_unused_by_spark(settings.training, settings.learner.name)
    estimator = mllib.make_estimator(
        settings.learner, kind=task.learner.kind, seed=settings.training.seed
    )
    space = IndexSpace(task.features, settings.hash_bits)
    check_choice(settings.learner, n_features=space.size, columns=task.columns)
    encoder = profiled(job, task, rows)
    check_statistics(settings.learner, encoder)
    frame = training_frame(rows.scan("train", task.columns), task.checks, encoder)
    features = stages(task.features, encoder.statistics, settings.hash_bits, settings.unicode)
    assert encoder.statistics.rows is not None  # MLlib's features are always profiled
    began = time.monotonic()
    with job.run.stage("fit"):
        fitted = estimator.fit(frame, stages=features, weight=settings.weight)
    seconds = time.monotonic() - began
    return Product(
        SparkModel(encoder, settings.learner, task.feature_schema),
        {"rows_per_second": encoder.statistics.rows / seconds},
        partial(_save, fitted, settings.learner.name),
    )


def _save(fitted: Any, learner: str, uri: str) -> None:
    """Write the model, and refuse it where it is not finite."""
    from petafit.learners.mllib import estimators as mllib

    mllib.save(fitted, uri)
    spoilt = first_not_finite(Folder(uri))
    if spoilt:
        raise diverged(learner, spoilt)
