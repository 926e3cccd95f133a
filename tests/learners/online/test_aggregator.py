"""Online estimators as aggregators: the same steps as the estimator, and good after merging."""

from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_digits
from sklearn.preprocessing import StandardScaler

from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.store.arrays import StateDict


def digits() -> tuple[csr_array, np.ndarray, TableStatistics]:
    X, y = load_digits(return_X_y=True)
    counts = tuple(np.bincount(y).tolist())
    statistics = TableStatistics(
        len(y), float(len(y)), {}, classes=tuple(range(10)), class_counts=counts
    )
    return csr_array((X / 16).astype(np.float32)), y.astype(np.float64), statistics


def diabetes() -> tuple[csr_array, np.ndarray, TableStatistics]:
    X, y = load_diabetes(return_X_y=True)
    y = 1e6 * y + 1e8
    label = ColumnStatistics(len(y), 0, y.mean(), y.std(), y.min(), y.max())
    statistics = TableStatistics(len(y), float(len(y)), {}, label=label)
    return csr_array(StandardScaler().fit_transform(X).astype(np.float32)), y, statistics


def trained(
    learner: OnlineLearner, X: csr_array, y: np.ndarray, *, shards: int = 1, rounds: int = 1
) -> StateDict:
    model = None
    for _ in range(rounds):
        parts = [
            learner.lift(learner.reduce(learner.start(model), Batch(X[k::shards], y[k::shards])))
            for k in range(shards)
        ]
        model = learner.finish(fold(learner.merge, parts), model)
    assert model is not None
    return model


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl", "sgd"])
def test_one_shard_takes_the_estimators_own_steps(optimizer: str) -> None:
    X, y, statistics = digits()
    steps = {"optimizer": optimizer, "learning_rate": 0.1}
    classifier = OnlineLinearClassifier(**steps).partial_fit(X, y, np.arange(10))
    learner = OnlineLearner(OnlineLinearClassifier(**steps), n_features=64, statistics=statistics)
    found = learner.predict(trained(learner, X, y), X)
    np.testing.assert_array_equal(found, classifier.predict_proba(X))
    X, y, statistics = diabetes()
    regressor = OnlineLinearRegressor(**steps).partial_fit(X, y)
    learner = OnlineLearner(OnlineLinearRegressor(**steps), n_features=10, statistics=statistics)
    np.testing.assert_array_equal(learner.predict(trained(learner, X, y), X), regressor.predict(X))


@pytest.mark.parametrize(("merge", "shards"), [("mean", 20), ("evidence", 5)])
@pytest.mark.parametrize("params", [{}, {"loss": "hinge"}, {"optimizer": "ftrl"}], ids=str)
def test_shards_of_many_classes_are_nearly_as_good_as_one(
    params: dict[str, Any], merge: str, shards: int
) -> None:
    """scikit-learn's digits, 5 rounds: within 5 points of accuracy of one shard."""
    X, y, statistics = digits()
    train, test = slice(0, 1400), slice(1400, None)
    estimator = OnlineLinearClassifier(**params)
    learner = OnlineLearner(estimator, n_features=64, statistics=statistics, merge=merge)
    one, many = (
        learner.predict(trained(learner, X[train], y[train], shards=n, rounds=5), X[test])
        for n in (1, shards)
    )
    accuracy, merged = (np.mean(found.argmax(axis=1) == y[test]) for found in (one, many))
    assert merged > accuracy - 0.05


@pytest.mark.parametrize("loss", ["squared", "quantile", "poisson"])
def test_shards_of_a_regressor_are_nearly_as_good_as_one(loss: str) -> None:
    X, y, statistics = diabetes()
    learner = OnlineLearner(OnlineLinearRegressor(loss), n_features=10, statistics=statistics)
    errors = []
    for shards in (1, 8):
        model = trained(learner, X, y, shards=shards, rounds=10)
        errors.append(np.mean((learner.predict(model, X) - y) ** 2))
    assert errors[1] < 1.03 * errors[0] < 0.6 * y.var()


def test_rows_seen_are_those_of_one_shard() -> None:
    """So that the next round's steps of SGD are as long as one shard's would be."""
    X, y, statistics = digits()
    learner = OnlineLearner(
        OnlineLinearClassifier(optimizer="sgd"), n_features=64, statistics=statistics
    )
    model = trained(learner, X, y, shards=4, rounds=2)
    np.testing.assert_allclose(model.arrays["seen"], 2 * np.bincount(y.astype(int)) / 4)


@pytest.mark.parametrize(("optimizer", "numbers"), [("adagrad", 1), ("ftrl", 2)])
def test_a_model_holds_no_number_twice(optimizer: str, numbers: int) -> None:
    X, y, statistics = digits()
    learner = OnlineLearner(
        OnlineLinearClassifier(optimizer=optimizer), n_features=64, statistics=statistics
    )
    model = trained(learner, X, y)
    assert sum(array.size for array in model.arrays.values()) == (numbers * 10 + 1) * 65 + 10
