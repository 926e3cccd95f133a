"""Linear models of Spark ML made of given weights, not fitted to rows.

Spark has no public way to make one: its own readers call the constructors that are called here.
"""

from typing import Any

import numpy as np
from pyspark.ml.classification import LinearSVCModel, LogisticRegressionModel
from pyspark.ml.common import _py2java
from pyspark.ml.linalg import DenseMatrix, DenseVector
from pyspark.ml.regression import LinearRegressionModel
from pyspark.sql import SparkSession

from petafit.errors import ConfigurationError


class ModelMaker:
    """Makes models in a session's JVM.

    Raises
    ------
    ConfigurationError
        The session is one of Spark Connect, which has no JVM here.
    """

    def __init__(self, session: SparkSession) -> None:
        if "connect" in type(session).__module__:
            raise ConfigurationError(
                "A pipeline of Spark ML cannot be made over Spark Connect",
                hint="Export with a session of this machine: unset `spark.remote`.",
            )
        self._context = session.sparkContext
        self._library = session._jvm.org.apache.spark.ml  # type: ignore[union-attr]

    def value(self, weights: np.ndarray, intercept: float) -> LinearRegressionModel:
        """Return a model whose prediction is ``w x + b``; `weights` of shape (n_features,)."""
        made = self._library.regression.LinearRegressionModel(
            _uid("value"), self._java(_vector(weights)), float(intercept)
        )
        return LinearRegressionModel(made)

    def margin(self, weights: np.ndarray, intercept: float) -> LinearSVCModel:
        """Return a classifier whose raw prediction is the margin."""
        made = self._library.classification.LinearSVCModel(
            _uid("margin"), self._java(_vector(weights)), float(intercept)
        )
        return LinearSVCModel(made)

    def classes(
        self, weights: np.ndarray, intercepts: np.ndarray, *, n_classes: int
    ) -> LogisticRegressionModel:
        """Return a logistic regression; `weights` of shape (n_margins, n_features)."""
        several = len(intercepts) > 1
        matrix = DenseMatrix(
            numRows=len(weights),
            numCols=weights.shape[1],
            values=np.asarray(weights, np.float64).ravel(),
            isTransposed=True,
        )
        made = self._library.classification.LogisticRegressionModel(
            _uid("classes"),
            self._java(matrix),
            self._java(_vector(intercepts)),
            n_classes,
            several,
        )
        return LogisticRegressionModel(made)

    def _java(self, value: Any) -> Any:
        return _py2java(self._context, value)


def _vector(values: np.ndarray) -> DenseVector:
    return DenseVector(np.asarray(values, np.float64))


def _uid(name: str) -> str:
    return f"petafit_{name}_{np.random.default_rng().integers(1 << 48):012x}"
