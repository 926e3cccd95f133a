"""Spark MLlib's logistic regression as its contenders share it."""

import time
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from petafit.spark.session import open_session
from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, step_sizes, versions

if TYPE_CHECKING:
    from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel
    from pyspark.sql import DataFrame, SparkSession

LEARNER = "mllib.LogisticRegression"
REQUIRES = ("pyspark",)
TUNES = "regParam * rows"
GRID = step_sizes(20)
"""The penalty next to the sum of the losses, which MLlib's `regParam` is next to their mean: so
that what few rows choose is right for many."""

DRIVER_MEMORY = "8g"
WARM_UP_ROWS = 1 << 14
WARM_UP_HASH_BITS = 14
"""Fewer than are measured: they take the same code, and half a minute less."""


def train(spec: Spec, *, iterations: int) -> ContenderRun:
    """Fit to the cached features of all rows, at most so many iterations of L-BFGS.

    The session has fitted a few rows before, and the clock runs while the cache is filled.
    """
    began = time.monotonic()
    with _open_spark(spec) as spark:
        small = replace(spec, hash_bits=WARM_UP_HASH_BITS)
        _regression(small, 2).fit(_features(small, spark, spec.files[0]).limit(WARM_UP_ROWS))
        startup = time.monotonic() - began
        began = time.monotonic()
        features = _features(spec, spark, spec.train).persist()
        model = _regression(spec, iterations).fit(features)
        seconds = time.monotonic() - began
        features.unpersist()
        predictions = save_predictions(
            spec, [_probabilities(model, _features(spec, spark, spec.test))]
        )
        return ContenderRun(
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

    second = vector_to_array(F.col("probability"))[1].alias("probability")
    scored = _dense(model).transform(features).select("file", "row", second).toArrow()
    in_order = scored.sort_by([("file", "ascending"), ("row", "ascending")])
    return in_order["probability"].to_numpy()


def _dense(model: "LogisticRegressionModel") -> "LogisticRegressionModel":
    """The same model, its coefficients stored as a dense matrix.

    MLlib stores them sparse where a third of them is 0, and then walks over all of them for every
    row that it predicts.
    """
    from pyspark.ml.classification import LogisticRegressionModel
    from pyspark.ml.common import _py2java
    from pyspark.ml.linalg import DenseMatrix, DenseVector
    from pyspark.sql import SparkSession

    context = SparkSession.active().sparkContext
    coefficients = model.coefficients.toArray()
    matrix = DenseMatrix(1, len(coefficients), coefficients, isTransposed=True)
    jvm: Any = context._jvm
    return LogisticRegressionModel(
        jvm.org.apache.spark.ml.classification.LogisticRegressionModel(
            model.uid,
            _py2java(context, matrix),
            _py2java(context, DenseVector([model.intercept])),
            2,
            False,
        )
    )
