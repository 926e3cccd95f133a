"""Spark MLlib's `LogisticRegression`: ten iterations of L-BFGS, and to its default tolerance.

The features are hashed once and cached, as its guide advises for iterative algorithms.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from petafit_benchmark.contender import (
    Contender,
    ContenderRun,
    Spec,
    save_predictions,
    step_sizes,
    versions,
)
from petafit_benchmark.contenders import petafit_runs

if TYPE_CHECKING:
    from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel
    from pyspark.sql import DataFrame, SparkSession


MOST_ITERATIONS = 200
"""The default of 100 does not reach the default tolerance on the click log."""

DRIVER_MEMORY = "8g"
WARM_UP_ROWS = 1 << 14
WARM_UP_HASH_BITS = 14
"""Fewer than are measured: the same code runs, in half a minute less."""


def train_ten_iterations(spec: Spec) -> ContenderRun:
    """Start a session, then make ten iterations of L-BFGS."""
    return _train(spec, iterations=10)


def train_to_convergence(spec: Spec) -> ContenderRun:
    """Start a session, then iterate until the loss changes by less than the default tolerance."""
    return _train(spec, iterations=MOST_ITERATIONS)


def _train(spec: Spec, *, iterations: int) -> ContenderRun:
    """Fit to the cached features of all rows, in at most so many iterations of L-BFGS.

    The session is warmed up on a few rows before; the seconds include filling the cache.
    """
    began = time.monotonic()
    with petafit_runs.open_spark(spec, driver_memory=DRIVER_MEMORY) as spark:
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
    """The estimator, without standardisation: with it, weights of rare features grow, and the loss
    was always higher.
    """
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


TEN_ITERATIONS = Contender(
    title="Spark MLlib, 10 iterations",
    learner="mllib.LogisticRegression",
    train=train_ten_iterations,
    cores=2,
    requires=("pyspark",),
    most_rows=2_000_000,
    tunes="regParam * rows",  # the penalty of the sum of losses: it does not depend on the rows
    grid=step_sizes(20),
)
CONVERGED = replace(TEN_ITERATIONS, title="Spark MLlib, to convergence", train=train_to_convergence)
