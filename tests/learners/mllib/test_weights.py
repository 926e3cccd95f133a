"""Weights of MLlib's models by the index of the feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petafit.learners.mllib.weights import IndexWeights, weights_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def fitted(spark: SparkSession, estimator: Any, classes: int) -> Any:
    from pyspark.ml.linalg import Vectors

    random = np.random.default_rng(0)
    X = random.normal(size=(90, 3))
    labels = np.digitize(X[:, 1], [-0.4, 0.4][: classes - 1]).astype(float)
    rows = [(Vectors.dense(x), float(y)) for x, y in zip(X, labels, strict=True)]
    return estimator.fit(spark.createDataFrame(rows, ["features", "label"]).coalesce(1))


# Spark leaves the thread pool of OneVsRest open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_feature_that_decides_has_the_largest_weight(spark: SparkSession) -> None:
    from pyspark.ml import classification, clustering, regression

    logistic = classification.LogisticRegression(regParam=0.1, maxIter=5)
    two = weights_of(fitted(spark, logistic, 2))
    symmetric = weights_of(fitted(spark, logistic.copy().setFamily("multinomial"), 2))
    assert two is not None
    assert symmetric is not None
    assert two.values.shape == symmetric.values.shape == (1, 3)
    assert np.sign(symmetric.values[0, 1]) == np.sign(two.values[0, 1]) == 1
    for estimator, outputs in (
        (logistic, 3),
        (classification.OneVsRest(classifier=logistic), 3),
        (classification.RandomForestClassifier(numTrees=3, seed=0), 1),
        (regression.GBTRegressor(maxIter=2, seed=0), 1),
    ):
        found = weights_of(fitted(spark, estimator, 3))
        assert found is not None
        assert found.values.shape == (outputs, 3)
        assert found.largest(1).tolist() == [1]
    centers = weights_of(fitted(spark, clustering.KMeans(k=2, seed=0), 2))
    assert centers is not None
    assert (centers.kind, centers.values.shape) == ("centers", (2, 3))
    assert centers.largest(1).tolist() == [1]
    assert weights_of(fitted(spark, classification.NaiveBayes(modelType="gaussian"), 2)) is None


def test_centers_are_ordered_by_their_differences() -> None:
    centers = IndexWeights("centers", np.array([[9.0, 1.0, 0.0], [9.0, -1.0, 0.5]]))
    assert centers.largest(3).tolist() == [1, 2]


def test_the_largest_are_by_size_and_without_zeros() -> None:
    weights = IndexWeights("coefficients", np.array([[0.0, 1.0, 0.0, -3.0], [0.0, 2.0, 0.0, 0.5]]))
    assert weights.largest(3).tolist() == [3, 1]
    assert weights.largest(1).tolist() == [3]
