"""Factorization machines: as scikit-learn has estimators, and what pairs of features teach them."""

from collections.abc import Callable
from functools import reduce as fold
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.utils.estimator_checks import parametrize_with_checks

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.csr import UNWEIGHTED, as_rows, frozen
from petafit.learners.online.factorization.estimators import (
    FactorizationMachineClassifier,
    FactorizationMachineRegressor,
)
from petafit.learners.online.linear.estimators import OnlineLinearClassifier
from petafit.learners.online.targets import ClassTarget
from petafit.store.arrays import StateDict
from tests.learners.cases import statistics_of, with_duplicates
from tests.learners.online.linear.test_estimators import ONE_STEP_IS_NOT_TWO

OPTIMIZERS = ("adagrad", "ftrl", "sgd")
VALUES = 8
"""Of each of two fields, which a row holds one-hot."""


@parametrize_with_checks(
    [
        FactorizationMachineClassifier(),
        FactorizationMachineClassifier("hinge", optimizer="ftrl"),
        FactorizationMachineRegressor(),
        FactorizationMachineRegressor("quantile"),
        FactorizationMachineRegressor("poisson", optimizer="ftrl"),
    ],
    expected_failed_checks=lambda estimator: ONE_STEP_IS_NOT_TWO,
)
def test_keeps_to_scikit_learns_interface(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def one_hot(pairs: np.ndarray) -> csr_array:
    """Rows (n_rows, 2 VALUES) of the values (n_rows, 2) of two fields."""
    indices = (pairs + np.array([0, VALUES])).ravel()
    buffers = (np.ones(indices.size, np.float32), indices, np.arange(0, indices.size + 1, 2))
    return csr_array(buffers, shape=(len(pairs), 2 * VALUES))


def matches(n_rows: int, seed: int) -> tuple[csr_array, np.ndarray]:
    """Labels that hang on both fields together, and on neither alone; a tenth is wrong."""
    random = np.random.default_rng(seed)
    pairs = random.integers(0, VALUES, (n_rows, 2))
    same = (pairs[:, 0] + pairs[:, 1]) % 2 == 0
    return one_hot(pairs), (same ^ (random.random(n_rows) < 0.1)).astype(np.float64)


@pytest.mark.parametrize("loss", ["log", "hinge"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_learns_interactions(loss: str, optimizer: str) -> None:
    (X, y), (unseen, truth) = matches(6000, seed=0), matches(2000, seed=1)
    machine = FactorizationMachineClassifier(
        loss, optimizer=optimizer, learning_rate=0.1, power_t=0.0, random_state=0
    ).partial_fit(X, y, [0, 1])
    assert machine.score(unseen, truth) > 0.88
    assert OnlineLinearClassifier(loss).partial_fit(X, y, [0, 1]).score(unseen, truth) < 0.6


def test_it_generalizes_to_unseen_pairs() -> None:
    X, y = matches(6000, seed=0)
    every = np.stack(np.divmod(np.arange(VALUES**2), VALUES), axis=1)
    apart = every[every[:, 0] == every[:, 1]]
    met = X[:, :VALUES].argmax(axis=1) != X[:, VALUES:].argmax(axis=1)
    machine = FactorizationMachineClassifier(learning_rate=0.1, random_state=0)
    machine.fit(X[met], y[met])
    assert machine.predict(one_hot(apart)).tolist() == [1] * VALUES


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_without_factors_it_is_the_linear_model(optimizer: str) -> None:
    X, y = matches(500, seed=0)
    shared = {"optimizer": optimizer, "learning_rate": 0.1, "l1": 0.01, "l2": 0.02}
    linear = OnlineLinearClassifier(**shared).partial_fit(X, y, [0, 1])
    machine = FactorizationMachineClassifier(init_scale=1e-30, **shared).partial_fit(X, y, [0, 1])
    np.testing.assert_allclose(machine.coef_, linear.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(machine.intercept_, linear.intercept_, rtol=1e-4)


def sparse(seed: int, n_rows: int = 40) -> np.ndarray:
    """Rows of small counts, some of them 0."""
    return np.random.default_rng(seed).integers(0, 4, (n_rows, 6)).astype(np.float32)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5, deadline=None)
def test_progressive_margins_are_the_predictions_before(optimizer: str, seed: int) -> None:
    """To the bit, a row at a time, with indices that a row holds twice."""
    X, y = with_duplicates(sparse(seed)), np.random.default_rng(seed).integers(0, 2, 40) * 1.0
    machine = FactorizationMachineClassifier(
        optimizer=optimizer, l1=0.01, factor_l2=0.1, init_scale=0.3, random_state=seed
    )
    whole, stepwise = (machine.begin(6, ClassTarget("log", 2)) for _ in range(2))
    found = machine.learn(as_rows(X), frozen(y, np.float64), UNWEIGHTED, whole)
    for i in range(len(y)):
        row = as_rows(X[[i]])
        expected = machine.margins(row, machine.weights_of(stepwise))
        np.testing.assert_array_equal(found[i], expected)
        machine.update(row, y[[i]], UNWEIGHTED, stepwise, ClassTarget("log", 2))
    if optimizer != "sgd":  # whose steps hang on the rows seen, which `update` counts
        np.testing.assert_array_equal(whole.table.numbers, stepwise.table.numbers)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_zeros_and_rows_without_weight_leave_no_trace(optimizer: str) -> None:
    X, y = sparse(0), np.arange(40) % 2
    explicit = csr_array((X.ravel(), np.tile(np.arange(6), 40), np.arange(0, 241, 6)))
    doubled, weight = np.repeat(X, 2, axis=0), np.tile([1.0, 0.0], 40)

    def table(X: Any, y: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        machine = FactorizationMachineClassifier(
            optimizer=optimizer, l2=0.1, factor_l2=0.1, random_state=0
        )
        return machine.partial_fit(X, y, [0, 1], weight).memory_.table.numbers

    expected = table(csr_array(X), y)
    np.testing.assert_array_equal(table(explicit, y), expected)
    np.testing.assert_array_equal(table(doubled, np.repeat(y, 2), weight), expected)


def test_an_index_held_twice_is_two_features_that_share_their_factors() -> None:
    machine = FactorizationMachineClassifier(random_state=0, init_scale=1.0).fit(
        sparse(0), [0, 1] * 20
    )
    twice = csr_array((np.array([2, 3], np.float32), [1, 1], [0, 2]), shape=(1, 6))
    v = machine.factors_[1].astype(np.float64)
    expected = machine.intercept_[0] + 5 * machine.coef_[0, 1] + 6 * v @ v
    assert machine.decision_function(twice)[0] == pytest.approx(expected, rel=1e-5)


def test_features_that_no_row_has_moved_add_no_noise() -> None:
    X, y = sparse(0), np.arange(40) % 2
    X[:, 4:] = 0
    machine = FactorizationMachineClassifier(init_scale=1.0, random_state=0).fit(X, y)
    assert machine.factors_[:4].all()
    assert not machine.factors_[4:].any()
    margins = machine.decision_function(X)
    X[:, 4:] = 7
    np.testing.assert_array_equal(machine.decision_function(X), margins)


@pytest.mark.parametrize("loss", ["squared", "quantile", "poisson"])
def test_fitted_attributes_give_the_predictions(loss: str) -> None:
    random = np.random.default_rng(0)
    X = random.random((200, 4)).astype(np.float32)
    y = random.poisson(200 * np.exp(X[:, 0] * X[:, 1]))
    machine = FactorizationMachineRegressor(loss, learning_rate=0.2, random_state=0).fit(X, y)
    v = machine.factors_
    pairs = sum(v[i] @ v[j] * X[:, i] * X[:, j] for i, j in combinations(range(4), 2))
    by_hand = machine.intercept_ + X @ machine.coef_ + pairs
    found = np.log(machine.predict(X)) if loss == "poisson" else machine.predict(X)
    np.testing.assert_allclose(found, by_hand, rtol=1e-4)


def learner(**params: Any) -> OnlineLearner:
    machine = FactorizationMachineClassifier(**{"random_state": 0, **params})
    return OnlineLearner(machine, n_features=2 * VALUES, statistics=statistics_of(2))


def trained(learner: OnlineLearner, *, shards: int, rounds: int) -> StateDict:
    (X, y), model = matches(8000, seed=0), None
    for _ in range(rounds):
        parts = [
            learner.lift(learner.reduce(learner.start(model), Batch(X[k::shards], y[k::shards])))
            for k in range(shards)
        ]
        model = learner.finish(fold(learner.merge, parts), model)
    assert model is not None
    return model


def log_loss(learner: OnlineLearner, model: StateDict) -> float:
    X, y = matches(2000, seed=1)
    predicted = learner.predict(model, X)
    return float(-np.mean(np.log(np.where(y == 1, predicted, 1 - predicted))))


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
@pytest.mark.parametrize("rounds", [1, 3])
def test_merged_shards_are_nearly_as_good_as_one(optimizer: str, rounds: int) -> None:
    machine = learner(optimizer=optimizer, learning_rate=0.2)
    one, many = (log_loss(machine, trained(machine, shards=n, rounds=rounds)) for n in (1, 4))
    assert one < 0.4
    assert many < one + 0.02


def test_every_shard_starts_from_the_same_factors() -> None:
    machine = FactorizationMachineClassifier(random_state=1, init_scale=0.5)
    starts = [machine.begin(10_000, ClassTarget("log", 2)).table.first for _ in range(2)]
    np.testing.assert_array_equal(*starts)
    factors = starts[0][:-1, 1:]
    assert factors.std() == pytest.approx(0.5, rel=0.01)
    assert factors.mean() == pytest.approx(0, abs=0.01)
    other = machine.set_params(random_state=2).begin(10_000, ClassTarget("log", 2)).table.first
    assert (other[:-1, 1:] != factors).mean() > 0.99


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_model_leaves_out_factors_that_no_row_has_moved(optimizer: str) -> None:
    machine = learner(optimizer=optimizer)
    start = machine.start()
    begun = start.memory.table.numbers.copy()
    X, y = matches(100, seed=0)
    X = csr_array(X.multiply(np.arange(2 * VALUES) != 3).tocsr())
    X.eliminate_zeros()
    model = machine.finish(machine.lift(machine.reduce(start, Batch(X, y))))
    assert not any(array[3].any() for name, array in model.arrays.items() if name != "seen")
    np.testing.assert_array_equal(machine.start(model).memory.table.numbers[3], begun[3])
    assert ("first" in model.arrays) == (optimizer == "ftrl")


@pytest.mark.parametrize("params", [{"beta": 0.5}, {"beta": 0.0, "factor_l2": 0.1}])
def test_ftrl_starts_where_the_factors_are(params: dict[str, float]) -> None:
    machine = FactorizationMachineClassifier(optimizer="ftrl", random_state=0, l1=0.1, **params)
    target = ClassTarget("log", 2)
    weights = machine.rules().weights(machine.begin(50, target).table)
    np.testing.assert_allclose(weights, machine.first_weights(50, target), rtol=1e-6)


def test_bad_training_data_are_refused() -> None:
    X, y = sparse(0), np.arange(40) % 3
    with pytest.raises(ValueError, match="Only binary"):
        FactorizationMachineClassifier().fit(X, y)
    with pytest.raises(ValueError, match="beta or factor_l2"):
        FactorizationMachineClassifier(optimizer="ftrl", beta=0.0).fit(X, y > 0)
    with pytest.raises(ConfigurationError, match="diverged"):
        FactorizationMachineRegressor(optimizer="sgd", learning_rate=100.0).fit(X, y)
