"""`learning_rate: auto`: shorter for longer rows, close to the best of a grid, never a failure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss

from petafit.features.column_statistics import TableStatistics
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.csr import as_rows
from petafit.learners.online.factorization.estimators import FactorizationMachineClassifier
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.learners.online.step_size import _lowest

DIGITS = load_digits()
ORDER = np.random.default_rng(0).permutation(len(DIGITS.target))
X, Y = DIGITS.data[ORDER], DIGITS.target[ORDER]
GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def loss(rate: float | str, X: np.ndarray, passes: int) -> float:
    model = OnlineLinearClassifier(learning_rate=rate, max_iter=passes, random_state=0)
    found = model.fit(X[:1400], Y[:1400]).predict_proba(X[1400:])
    return float(log_loss(Y[1400:], found))


@pytest.mark.parametrize("unit", [1 / 16, 1.0])
def test_it_is_near_the_best_of_a_grid_whatever_the_unit(unit: float) -> None:
    grid = [rate / (256 * unit**2) for rate in GRID]
    best = min(loss(rate, X * unit, 10) for rate in grid)
    assert loss("auto", X * unit, 10) < best + 0.02
    assert loss(grid[0], X * unit, 10) > best + 0.5  # a wrong one is expensive


@given(st.integers(-12, 12))
def test_without_adaptive_steps_the_rate_falls_with_the_square_of_the_unit(power: int) -> None:
    long, short = (
        OnlineLinearClassifier(max_iter=1, optimizer="sgd")
        .fit(np.ones((29, 64)) * scale, Y[:29])
        .learning_rate_
        for scale in (2.0**power, 1.0)
    )
    square = min(1.5 / 64 / 4.0**power, 0.1 / min(1, 2.0**power))
    assert long == pytest.approx(square, rel=0.01)
    assert short == pytest.approx(1.5 / 64, rel=0.01)


def test_rows_of_few_numbers_begin_with_shorter_steps() -> None:
    model = OnlineLinearClassifier(max_iter=1).fit(np.ones((29, 2)), Y[:29])
    assert model.learning_rate_ == pytest.approx(0.1, rel=0.01)


def test_with_few_rows_it_follows_from_the_first_step_of_the_median_row() -> None:
    few = X[:29]
    strides = (few**2 / np.sqrt(1 + few**2)).sum(axis=1)
    model = OnlineLinearClassifier(max_iter=1).fit(few, Y[:29])
    assert model.learning_rate_ == pytest.approx(1.5 / np.median(strides), rel=0.005)
    machine = FactorizationMachineClassifier(max_iter=1).fit(few, Y[:29] > 4)
    assert machine.learning_rate_ == pytest.approx(0.4 / np.median(strides), rel=0.005)
    plain = OnlineLinearClassifier(max_iter=1, optimizer="sgd").fit(few, Y[:29])
    assert plain.learning_rate_ == pytest.approx(1.5 / np.median((few**2).sum(axis=1)), rel=0.005)


def test_a_number_is_used_as_it_is() -> None:
    assert OnlineLinearClassifier(learning_rate=0.7).fit(X, Y).learning_rate_ == 0.7


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl", "sgd"])
def test_numbers_are_learnt_by_every_optimizer(optimizer: str) -> None:
    target = X @ np.random.default_rng(1).normal(size=X.shape[1])
    model = OnlineLinearRegressor(optimizer=optimizer, random_state=0).fit(X, target)
    assert model.score(X, target) > 0.9


@pytest.mark.parametrize("rows", [np.zeros((1200, 3)), np.full((1200, 3), 1e30)])
def test_useless_rows_give_a_rate_all_the_same(rows: np.ndarray) -> None:
    model = OnlineLinearClassifier(max_iter=1).fit(rows, np.arange(1200) % 2)
    assert 0 < model.learning_rate_ < np.inf


def test_rows_of_weight_0_do_not_count() -> None:
    classes = Y[:1400] > 4
    weight = np.repeat([1.0, 0.0], 700)
    noise = np.where(weight == 1, classes, ~classes)
    learner = OnlineLearner(
        OnlineLinearClassifier(),
        n_features=64,
        statistics=TableStatistics(700, 700.0, {}, classes=(False, True)),
    )
    rates = {
        learner.fitting_rate(Batch(X=as_matrix(X[:1400]), y=y.astype(float), weight=weight))
        for y in (classes, noise)
    }
    assert len(rates) == 1


def as_matrix(X: np.ndarray) -> object:
    from scipy.sparse import csr_array

    rows = as_rows(X)
    return csr_array((rows.data, rows.indices, rows.indptr), shape=X.shape)


@pytest.mark.parametrize("lowest", range(-4, 3))
def test_it_walks_downhill(lowest: int) -> None:
    assert _lowest(lambda at: abs(at - lowest), 0.5) == lowest


def test_it_stays_where_all_rates_are_alike() -> None:
    assert _lowest(lambda _: 1.0, 0.0) == 0
    assert _lowest(lambda _: float("inf"), 0.1) == 0


def test_gains_that_are_too_small_do_not_count() -> None:
    assert _lowest(lambda at: -0.1 * at, 0.2) == 0
