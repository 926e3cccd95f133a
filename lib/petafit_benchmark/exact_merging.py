"""How far exact learners, merged from shards, are from the same learner fitted to all rows."""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from petafit.config.settings import LearnerChoice
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner
from petafit.learners.registry import describe, learner_names, make_learner
from petafit.store.arrays import StateDict

SHARDS = 20

_PARAMS: Mapping[str, Mapping[str, Any]] = {
    "sklearn.MultiOutputClassifier": {"estimator": "sklearn.MultinomialNB"},
    "sklearn.MultiOutputRegressor": {"estimator": "sklearn.SGDRegressor"},
    "sklearn.OneVsOneClassifier": {"estimator": "sklearn.GaussianNB"},
    "sklearn.OneVsRestClassifier": {"estimator": "sklearn.ComplementNB"},
    "sklearn.SelectFromModel": {"estimator": "sklearn.Perceptron"},
}
"""Of learners that are made of another one, and are as exact as that."""

_ROUNDING = "scatter/offset"
"""What rounding leaves of Ridge's means beside their origin: no digit of it is meant."""

_COMPONENTS = "sklearn.IncrementalPCA"
"""Exact with as many components as features, which the registry does not know beforehand."""


def relative_differences() -> dict[str, float]:
    """The `difference` between both models, by learner.

    scikit-learn's digits, sorted by class, are cut into 20 shards, so that each lacks most classes;
    regressors take the digit as a number. Pixels that never vary are left out: between directions
    without variance principal components may choose at will.
    """
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")
    X, y = X[order][:, np.ptp(X, axis=0) > 0], y[order].astype(np.float64)
    with threadpool_limits(1):  # sums in one order
        return {
            learner.name: difference(_merged(learner, X, y, SHARDS), _merged(learner, X, y, 1))
            for learner in _exact_learners(X, y)
        }


def difference(found: StateDict, expected: StateDict) -> float:
    """The largest between arrays of the same name, as a share of the array's largest value.

    Infinite where the models do not have the same arrays, or one of them is not finite.
    """
    if found.arrays.keys() != expected.arrays.keys():
        return np.inf
    return max(
        _share(found.arrays[name].astype(np.float64), array.astype(np.float64))
        for name, array in expected.arrays.items()
        if name != _ROUNDING
    )


def _share(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return np.inf
    distance = np.abs(found - expected).max(initial=0.0)
    largest = np.abs(expected).max(initial=0.0)
    if not distance:
        return 0.0
    return float(distance / largest) if largest and np.isfinite(distance / largest) else np.inf


def _exact_learners(X: np.ndarray, y: np.ndarray) -> Iterator[Learner[Any]]:
    """All that are registered; MLlib's estimators have no shards of petafit's."""
    rows, n_features = X.shape
    classes, counts = np.unique(y, return_counts=True)
    number = ColumnStatistics(
        rows, 0, float(y.mean()), float(y.std()), float(y.min()), float(y.max())
    )
    by_class = TableStatistics(
        rows=rows,
        weight=float(rows),
        columns={},
        classes=tuple(classes.astype(int).tolist()),
        class_counts=tuple(counts.tolist()),
    )
    by_number = TableStatistics(rows=rows, weight=float(rows), columns={}, label=number)
    for name in learner_names():
        params = {"n_components": n_features} if name == _COMPONENTS else _PARAMS.get(name, {})
        choice = LearnerChoice(name=name, params=dict(params))
        known = describe(choice)
        if known.family == "mllib" or not (known.exact or name == _COMPONENTS):
            continue
        statistics = by_number if known.kind == "regressor" else by_class
        yield make_learner(choice, n_features=n_features, statistics=statistics)


def _merged(learner: Learner[Any], X: np.ndarray, y: np.ndarray, shards: int) -> StateDict:
    """The model of so many shards, each of one batch."""
    summaries = []
    for at in np.array_split(np.arange(len(y)), shards):
        wanted = X[at].astype(learner.dtype)
        batch = Batch(csr_array(wanted) if learner.layout == "csr" else wanted, y[at])
        summaries.append(learner.lift(learner.reduce(learner.start(), batch)))
    return learner.finish(reduce(learner.merge, summaries))
