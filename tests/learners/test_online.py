"""The compiled linear classifier against plain references, and as a scikit-learn estimator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

from petafit.learners.online import OnlineLinearClassifier
from tests.learners.cases import with_duplicates

ONE_STEP_IS_NOT_TWO = {
    name: "a row of weight 2 takes one long step, not two steps"
    for name in (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    )
}


@parametrize_with_checks(
    [OnlineLinearClassifier(), OnlineLinearClassifier(optimizer="ftrl")],
    expected_failed_checks=lambda estimator: ONE_STEP_IS_NOT_TWO,
)
def test_keeps_to_scikit_learns_interface(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def rows(seed: int, n_rows: int = 60, n_features: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, n_features)) * (random.random((n_rows, n_features)) < 0.6)
    y = (X[:, 0] + random.normal(size=n_rows) > 0).astype(np.intp)
    return X.astype(np.float32), y


def adagrad(
    X: np.ndarray, y: np.ndarray, *, rate: float, l1: float, l2: float
) -> tuple[np.ndarray, float]:
    """AdaGrad with a proximal elastic net in float64, coordinates without value left alone."""
    w, squares = np.zeros(X.shape[1] + 1), np.zeros(X.shape[1] + 1)
    for x, target in zip(np.column_stack([X, np.ones(len(X))]), y, strict=True):
        gradient = (1 / (1 + np.exp(-x @ w)) - target) * x
        squares += gradient**2
        step = rate / np.sqrt(1 + squares)
        moved = w - step * gradient
        shrunk = np.sign(moved) * np.maximum(0, abs(moved) - step * l1) / (1 + step * l2)
        penalised = np.where(x != 0, shrunk, w)
        w = np.append(penalised[:-1], moved[-1])
    return w[:-1], w[-1]


def ftrl(
    X: np.ndarray, y: np.ndarray, *, rate: float, beta: float, l1: float, l2: float
) -> tuple[np.ndarray, float]:
    """FTRL-proximal as McMahan et al. print it, in float64; the intercept is not penalised."""
    n_features = X.shape[1]
    l1s, l2s = np.append(np.full(n_features, l1), 0), np.append(np.full(n_features, l2), 0)
    z, n = np.zeros(n_features + 1), np.zeros(n_features + 1)

    def weights() -> np.ndarray:
        w = -(z - np.sign(z) * l1s) / ((beta + np.sqrt(n)) / rate + l2s)
        return np.where(abs(z) <= l1s, 0, w)

    for x, target in zip(np.column_stack([X, np.ones(len(X))]), y, strict=True):
        w = weights()
        gradient = (1 / (1 + np.exp(-x @ w)) - target) * x
        sigma = (np.sqrt(n + gradient**2) - np.sqrt(n)) / rate
        z += gradient - sigma * w
        n += gradient**2
    return weights()[:-1], weights()[-1]


@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (0.05, 0), (0, 0.3), (0.02, 0.1)])
def test_adagrad_follows_its_formula(l1: float, l2: float) -> None:
    X, y = rows(1)
    fitted = OnlineLinearClassifier(learning_rate=0.3, l1=l1, l2=l2).partial_fit(X, y, [0, 1])
    coef, intercept = adagrad(X, y, rate=0.3, l1=l1, l2=l2)
    np.testing.assert_allclose(fitted.coef_[0], coef, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fitted.intercept_[0], intercept, rtol=1e-4)


@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (1.0, 0), (0, 2.0), (0.5, 0.5)])
def test_ftrl_follows_its_algorithm(l1: float, l2: float) -> None:
    X, y = rows(2)
    fitted = OnlineLinearClassifier(
        optimizer="ftrl", learning_rate=0.3, beta=0.7, l1=l1, l2=l2
    ).partial_fit(X, y, [0, 1])
    coef, intercept = ftrl(X, y, rate=0.3, beta=0.7, l1=l1, l2=l2)
    np.testing.assert_allclose(fitted.coef_[0], coef, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fitted.intercept_[0], intercept, rtol=1e-4)


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_sparse_dense_and_explicit_zeros_are_the_same(optimizer: str, seed: int) -> None:
    X, y = rows(seed)
    everything = csr_array((X.ravel(), np.tile(np.arange(5), 60), np.arange(0, 301, 5)))
    dense, sparse, explicit = (
        OnlineLinearClassifier(optimizer=optimizer, l1=0.01, l2=0.01)
        .partial_fit(data, y, [0, 1])
        .table_
        for data in (X, csr_array(X), everything)
    )
    np.testing.assert_array_equal(dense, sparse)
    np.testing.assert_array_equal(dense, explicit)


def test_an_index_held_twice_counts_twice() -> None:
    X = np.full((1, 2), 3.0, np.float32)
    fitted = OnlineLinearClassifier().partial_fit(X, [1], [0, 1])
    margins = fitted.decision_function(with_duplicates(X))
    np.testing.assert_allclose(margins, fitted.decision_function(X), rtol=1e-6)


@pytest.mark.parametrize(("optimizer", "l1", "most"), [("adagrad", 0.3, 20), ("ftrl", 80.0, 10)])
def test_l1_empties_useless_weights(optimizer: str, l1: float, most: int) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 30)).astype(np.float32)
    fitted = OnlineLinearClassifier(optimizer=optimizer, l1=l1, random_state=0).fit(X, X[:, 0] > 0)
    assert np.count_nonzero(fitted.coef_) < most
    assert fitted.coef_.argmax() == 0


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
def test_many_passes_come_near_the_optimum(optimizer: str) -> None:
    X, y = rows(3, n_rows=500)
    best = LogisticRegression(C=np.inf).fit(X, y)
    fitted = OnlineLinearClassifier(optimizer=optimizer, max_iter=100, random_state=0).fit(X, y)
    loss, least = (log_loss(y, model.predict_proba(X)) for model in (fitted, best))
    assert loss < least + 0.002


def test_weights_scale_the_gradient() -> None:
    X, y = rows(4)
    doubled = OnlineLinearClassifier().partial_fit(X[:1], y[:1], [0, 1], sample_weight=[2.0])
    gradient = 2 * (0.5 - y[0])
    expected = -0.1 * gradient / np.sqrt(1 + gradient**2)
    np.testing.assert_allclose(doubled.intercept_[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 0], "one class"), ([0, 1, 2], "Only binary"), ([0.5, 1.5], "Unknown label type")],
)
def test_other_labels_are_refused(labels: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OnlineLinearClassifier().fit(np.ones((len(labels), 1)), labels)


def test_a_class_that_was_not_announced_is_refused() -> None:
    X = np.ones((2, 1))
    fitted = OnlineLinearClassifier().partial_fit(X, [0, 1], [0, 1])
    with pytest.raises(ValueError, match=r"y holds \[2\]"):
        fitted.partial_fit(X, [0, 2])
    with pytest.raises(ValueError, match="not the same as before"):
        fitted.partial_fit(X, [0, 1], [0, 2])
    with pytest.raises(ValueError, match="first call"):
        OnlineLinearClassifier().partial_fit(X, [0, 1])
