"""petafit's exact learners: a model merged from shards beside the fit to all rows at once.

The rows are scikit-learn's digits, not those of a suite's table.
"""

import math
import time
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from petafit.config.settings import LearnerChoice
from petafit.errors import PetafitError
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner
from petafit.learners.registry import describe, learner_names, make_learner
from petafit.store.arrays import StateDict
from petafit_benchmark.contender import Contender, ContenderRun, Spec, versions
from petafit_benchmark.merging.cases import EXACT_FIGURE

SHARDS = 20

_PARAMS: Mapping[str, Mapping[str, Any]] = {
    "sklearn.MultiOutputClassifier": {"estimator": "sklearn.MultinomialNB"},
    "sklearn.MultiOutputRegressor": {"estimator": "sklearn.SGDRegressor"},
    "sklearn.OneVsOneClassifier": {"estimator": "sklearn.GaussianNB"},
    "sklearn.OneVsRestClassifier": {"estimator": "sklearn.ComplementNB"},
    "sklearn.SelectFromModel": {"estimator": "sklearn.Perceptron"},
}
"""Parameters of learners that wrap another one, and are as exact as that."""

_ROUNDING = "scatter/offset"
"""Rounding errors of Ridge's means: no digit of them is significant."""

_COMPONENTS = "sklearn.IncrementalPCA"
"""Exact with as many components as features; the registry does not know their number."""


def train(spec: Spec) -> ContenderRun:
    """Fit every exact learner to scikit-learn's digits, whatever the spec's table.

    Raises
    ------
    PetafitError
        Models that should be equal do not have the same arrays.
    """
    began = time.monotonic()
    differences = relative_differences()
    unlike = [name for name, value in differences.items() if not math.isfinite(value)]
    if unlike:
        raise PetafitError(
            f"Merged models of {', '.join(unlike)} cannot be compared with the union's",
            expected="finite arrays of the same names and shapes",
        )
    return ContenderRun(
        rows=spec.rows,
        seconds=time.monotonic() - began,
        predictions=None,
        versions=versions("scikit-learn", "numpy", "scipy"),
        figures={
            EXACT_FIGURE: max(differences.values()),
            **{f"relative_difference_{name}": value for name, value in differences.items()},
        },
    )


def relative_differences() -> dict[str, float]:
    """The `difference` between the merged model and the fit to all rows, by learner.

    The digits, sorted by class, are cut into 20 shards, so that each lacks most classes;
    regressors take the digit as a number. Pixels that never vary are left out: principal components
    are arbitrary among directions without variance.
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
    """The largest difference between arrays of one name, relative to the array's largest value.

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
    """All that are registered; MLlib's estimators and XGBoost's do not merge shards."""
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
        if known.family in ("mllib", "xgboost") or not (known.exact or name == _COMPONENTS):
            continue
        statistics = by_number if known.kind == "regressor" else by_class
        yield make_learner(choice, n_features=n_features, statistics=statistics)


def _merged(learner: Learner[Any], X: np.ndarray, y: np.ndarray, shards: int) -> StateDict:
    """The model merged from so many shards, each of one batch."""
    summaries = []
    for at in np.array_split(np.arange(len(y)), shards):
        wanted = X[at].astype(learner.dtype)
        batch = Batch(csr_array(wanted) if learner.layout == "csr" else wanted, y[at])
        summaries.append(learner.lift(learner.reduce(learner.start(), batch)))
    return learner.finish(reduce(learner.merge, summaries))


EXACT = Contender(
    title="petafit, exact learners",
    learner="petafit's exact learners",
    train=train,
    requires=("sklearn",),
)
