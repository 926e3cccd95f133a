"""Huge values: one row must not freeze the model, make it NaN, or outweigh all others."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from petafit.learners.online.estimator import OnlineEstimator
from petafit.learners.online.factorization.estimators import (
    FactorizationMachineClassifier,
    FactorizationMachineRegressor,
)
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor

OPTIMIZERS = ("adagrad", "ftrl", "sgd")

Make = Callable[..., OnlineEstimator]

CLASSIFIERS = [
    *(partial(OnlineLinearClassifier, loss) for loss in ("log", "hinge")),
    *(partial(FactorizationMachineClassifier, loss) for loss in ("log", "hinge")),
]
REGRESSORS = [
    *(partial(OnlineLinearRegressor, loss) for loss in ("squared", "quantile")),
    *(partial(FactorizationMachineRegressor, loss) for loss in ("squared", "quantile")),
]


def table(seed: int, rows: int = 5_000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)


def one_pass(make: Make, optimizer: str) -> OnlineEstimator:
    """As a shard is learnt."""
    return make(optimizer=optimizer, max_iter=1, shuffle=False, random_state=0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("make", CLASSIFIERS, ids=lambda make: f"{make.func.__name__},{make.args}")
def test_one_huge_value_leaves_the_accuracy(make: Make, optimizer: str) -> None:
    X, other = table(0), table(1)
    clean = one_pass(make, optimizer).fit(X, X[:, 0] > 0).score(other, other[:, 0] > 0)
    for huge in (1e15, -1e18, 1e20):
        for place in (0, 2_500, 4_999):
            spoilt = X.copy()
            spoilt[place, 0] = huge
            found = one_pass(make, optimizer).fit(spoilt, X[:, 0] > 0)
            assert found.score(other, other[:, 0] > 0) > clean - 0.02


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("make", REGRESSORS, ids=lambda make: f"{make.func.__name__},{make.args}")
def test_one_huge_value_leaves_the_explained_variance(make: Make, optimizer: str) -> None:
    X, other = table(0), table(1)
    y, wanted = 2 * X[:, 0] + 1, 2 * other[:, 0] + 1
    clean = one_pass(make, optimizer).fit(X, y).score(other, wanted)
    for huge in (1e15, 1e20):
        for place in (0, 2_500, 4_999):
            spoilt = X.copy()
            spoilt[place, 0] = huge
            assert one_pass(make, optimizer).fit(spoilt, y).score(other, wanted) > clean - 0.06


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("unit", [1e3, 1e20])
def test_columns_in_a_huge_unit_are_learnt_as_well_as_by_scikit_learn(
    optimizer: str, unit: float
) -> None:
    """A factorization machine cannot: the product of two such columns outweighs all else."""
    X, other = table(0) * np.float32(unit), table(1) * np.float32(unit)
    y, wanted = X[:, 0] > 0, other[:, 0] > 0
    found = OnlineLinearClassifier(optimizer=optimizer, random_state=0).fit(X, y)
    reference = SGDClassifier(loss="log_loss", random_state=0, max_iter=10, tol=None)
    reference.fit(X.astype(np.float64), y)
    assert found.score(other, wanted) > reference.score(other.astype(np.float64), wanted) - 0.01


def test_a_huge_weight_does_not_freeze_its_features_either() -> None:
    X, other = table(0), table(1)
    weight = np.ones(len(X))
    weight[0] = 1e300
    for classes in (1, 3):
        edges = np.linspace(-0.5, 0.5, classes)
        y, wanted = np.digitize(X[:, 0], edges), np.digitize(other[:, 0], edges)
        made = partial(OnlineLinearClassifier, max_iter=3, random_state=0)
        clean = made().fit(X, y).score(other, wanted)
        assert made().fit(X, y, sample_weight=weight).score(other, wanted) > clean - 0.03


@pytest.mark.parametrize("optimizer", ["adagrad", "sgd", "ftrl"])
@pytest.mark.parametrize("classes", [1, 3])
def test_rows_that_are_all_of_huge_weight_are_learnt(classes: int, optimizer: str) -> None:
    X, other = table(0), table(1)
    edges = np.linspace(-0.5, 0.5, classes)
    y, wanted = np.digitize(X[:, 0], edges), np.digitize(other[:, 0], edges)
    made = OnlineLinearClassifier(max_iter=3, random_state=0, optimizer=optimizer)
    for weight in (1e30, 1e200, 1e300):
        made.fit(X, y, sample_weight=np.full(len(X), weight))
        assert made.score(other, wanted) > 0.85
