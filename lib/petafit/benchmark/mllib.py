"""Spark MLlib's logistic regression as its contenders share it."""

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from petafit.benchmark import petafit_runs
from petafit.benchmark.contender import Spec, Trained, save_predictions, step_sizes, versions
from petafit.session import open_session

if TYPE_CHECKING:
    from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel
    from pyspark.sql import DataFrame, SparkSession

REQUIRES = ("pyspark",)
TUNES = "regParam * rows"
GRID = step_sizes(20)
"""The penalty next to the sum of the losses, which MLlib's `regParam` is next to their mean: so
that what few rows choose is right for many."""

DRIVER_MEMORY = "8g"
WARM_UP_ROWS = 1 << 14


def train(spec: Spec, *, iterations: int) -> Trained:
    """Fit to the cached features of all rows, at most so many iterations of L-BFGS.

    The session has fitted a few rows before, and the clock runs while the cache is filled.
    """
    began = time.monotonic()
    with _open_spark(spec) as spark:
        _regression(spec, 2).fit(_features(spec, spark, spec.files[0]).limit(WARM_UP_ROWS))
        startup = time.monotonic() - began
        began = time.monotonic()
        features = _features(spec, spark, spec.train).persist()
        model = _regression(spec, iterations).fit(features)
        seconds = time.monotonic() - began
        features.unpersist()
        predictions = save_predictions(
            spec, [_probabilities(model, _features(spec, spark, spec.test))]
        )
        return Trained(
            rows=spec.rows,
            seconds=seconds,
            predictions=predictions,
            startup_seconds=startup,
            converged=model.summary.totalIterations < iterations,
            versions=versions("pyspark"),
            figures={"iterations": model.summary.totalIterations},
        )


def _open_spark(spec: Spec) -> AbstractContextManager["SparkSession"]:
    """A session with memory enough for the cache."""
    settings = petafit_runs.settings_for(spec, engine="spark")
    submit = {**settings.spark.submit, "spark.driver.memory": DRIVER_MEMORY}
    sparked = settings.spark.model_copy(update={"submit": submit})
    return open_session(settings.model_copy(update={"spark": sparked}), app_name="MLlib")


def _features(spec: Spec, spark: "SparkSession", folder: str) -> "DataFrame":
    """Columns ``features``, ``label``, ``file`` and ``row``, hashed by `FeatureHasher`."""
    from pyspark.ml.feature import FeatureHasher
    from pyspark.sql import functions as F  # noqa: N812  (Spark's own name for it)

    read = spark.read.parquet(folder)
    logarithms = [
        (F.signum(name) * F.log1p(F.abs(F.col(name)))).alias(name) for name in spec.integers
    ]
    label = F.when(F.col(spec.label) == spec.classes[1], 1.0).otherwise(0.0)
    place = [F.col("_metadata.file_path").alias("file"), F.col("_metadata.row_index").alias("row")]
    columns = read.select(*logarithms, *spec.strings, label.alias("label"), *place)
    hasher = FeatureHasher(
        inputCols=[*spec.integers, *spec.strings],
        outputCol="features",
        numFeatures=1 << spec.hash_bits,
    )
    return hasher.transform(columns).select("features", "label", "file", "row")


def _regression(spec: Spec, iterations: int) -> "LogisticRegression":
    """Without standardisation: it lets weights of rare features grow, and did worse throughout."""
    from pyspark.ml.classification import LogisticRegression

    penalty = (spec.tuned or 20) / spec.rows
    return LogisticRegression(maxIter=iterations, regParam=penalty, standardization=False)


def _probabilities(model: "LogisticRegressionModel", features: "DataFrame") -> np.ndarray:
    """Of the second class, in the order of the files and their rows."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F  # noqa: N812  (Spark's own name for it)

    scored: Any = model.transform(features).orderBy("file", "row")
    second = vector_to_array(F.col("probability"))[1].alias("probability")
    return scored.select(second).toPandas()["probability"].to_numpy()
