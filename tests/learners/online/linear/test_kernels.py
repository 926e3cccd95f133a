"""The compiled kernels against plain references, for every loss and optimizer."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.special import softmax

from petafit.learners.online import losses
from petafit.learners.online.csr import UNWEIGHTED, as_rows
from petafit.learners.online.estimator import Memory, OnlineEstimator
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.learners.online.targets import ClassTarget, NumberTarget, Target
from tests.learners import references
from tests.learners.cases import with_duplicates

OPTIMIZERS = ("adagrad", "ftrl", "sgd")
PENALTIES = ((0.0, 0.0), (0.05, 0.0), (0.0, 0.3), (0.02, 0.1))

LOSSES = ("log", "hinge", "squared", "quantile", "poisson")


def problem(loss: str, n_classes: int, **params: Any) -> tuple[OnlineEstimator, Target]:
    """An estimator, and a target that leaves labels as they are."""
    if loss in ("log", "hinge"):
        return OnlineLinearClassifier(loss, **params), ClassTarget(loss, n_classes)
    return OnlineLinearRegressor(loss, quantile=0.3, **params), NumberTarget(loss)


def rows(seed: int, loss: str, n_classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(60, 5)) * (random.random((60, 5)) < 0.6)
    score = X[:, 0] + random.normal(size=60)
    if loss in ("log", "hinge"):
        edges = np.quantile(score, np.arange(1, n_classes) / n_classes)
        return X.astype(np.float32), np.searchsorted(edges, score).astype(np.float64)
    return X.astype(np.float32), np.floor(np.exp(score)) if loss == "poisson" else score


def slopes_of(loss: str, n_classes: int, *, least: float = 0.0) -> references.Slopes:
    """As `references.learn` takes them; softmax for the logistic loss of several classes.

    Of several classes' slopes those below `least` are 0.
    """
    code = losses.CODES[loss]

    def several(margins: np.ndarray, target: float) -> np.ndarray:
        own = np.arange(n_classes) == target
        if loss == "log":
            slopes = softmax(margins) - own
            return np.where(abs(slopes) < least, 0.0, slopes)
        return np.where(own, -1.0 * (margins < 1), 1.0 * (margins > -1))

    def one(margins: np.ndarray, target: float) -> np.ndarray:
        return np.array([losses.slope(code, float(margins[0]), target, 0.3)])

    return several if n_classes > 2 else one


def any_may_rest(optimizer: str, penalties: tuple[float, float]) -> bool:
    """True if a class takes no step for a row that has almost no information on it."""
    return optimizer != "ftrl" and penalties == (0.0, 0.0)


def learnt(
    estimator: OnlineEstimator,
    target: Target,
    X: Any,
    y: np.ndarray,
    weight: np.ndarray = UNWEIGHTED,
) -> tuple[np.ndarray, np.ndarray, Memory]:
    """Margins before each update, the weights, and the memory."""
    memory = estimator.begin(X.shape[1], target)
    margins = estimator.update(as_rows(X), y, weight, memory, target)
    return margins, estimator.weights_of(memory), memory


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("loss", "n_classes"), [*((loss, 2) for loss in LOSSES), ("log", 4), ("hinge", 4)]
)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), penalties=st.sampled_from(PENALTIES), weighted=st.booleans())
def test_kernels_follow_the_papers(
    optimizer: str,
    loss: str,
    n_classes: int,
    seed: int,
    penalties: tuple[float, float],
    weighted: bool,
) -> None:
    X, y = rows(seed, loss, n_classes)
    l1, l2 = penalties
    weight = np.random.default_rng(seed).choice([0.0, 0.5, 2.0], 60) if weighted else None
    estimator, target = problem(
        loss, n_classes, optimizer=optimizer, learning_rate=0.05, beta=0.7, l1=l1, l2=l2
    )
    margins, weights, _ = learnt(estimator, target, X, y, UNWEIGHTED if weight is None else weight)
    expected_margins, expected = references.learn(
        X,
        y,
        slopes_of(loss, n_classes, least=1e-3 if any_may_rest(optimizer, penalties) else 0.0),
        optimizer=optimizer,
        n_outputs=target.n_outputs,
        rate=0.05,
        beta=0.7,
        l1=l1,
        l2=l2,
        weight=weight,
        counts=loss == "poisson",
    )
    np.testing.assert_allclose(weights, expected, rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose(margins.reshape(60, -1), expected_margins, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("loss", "n_classes"), [*((loss, 2) for loss in LOSSES), ("log", 4)])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), huge=st.sampled_from([1e3, 1e15, 1e20]))
def test_no_row_counts_for_more_than_its_share(
    optimizer: str, loss: str, n_classes: int, seed: int, huge: float
) -> None:
    """Values that are out of all proportion, against the same bound in float64.

    Margins of the loss poisson that differ in the last bit have quite other slopes.
    """
    X, y = rows(seed, loss, n_classes)
    X[::20, 0] = huge
    if loss == "poisson":
        X[20:] = 0
    estimator, target = problem(loss, n_classes, optimizer=optimizer, beta=0.7)
    _, weights, memory = learnt(estimator, target, X, y)
    slopes = slopes_of(loss, n_classes, least=1e-3 if optimizer != "ftrl" else 0.0)
    _, expected = references.learn(
        X,
        y,
        slopes,
        optimizer=optimizer,
        n_outputs=target.n_outputs,
        beta=0.7,
        counts=loss == "poisson",
    )
    np.testing.assert_allclose(weights, expected, rtol=5e-3, atol=1e-3 * abs(expected).max())
    assert np.isfinite(memory.table.numbers).all()


@pytest.mark.parametrize("n_classes", [3, 30])
@pytest.mark.parametrize("weight", [1.0, 1e-6])
def test_a_class_takes_no_step_for_a_row_without_information(n_classes: int, weight: float) -> None:
    """Margins of 0 and 1 for two classes, of -20 for all others, whatever the row weighs."""
    estimator, target = problem("log", n_classes)
    memory = estimator.begin(2, target)
    weights = memory.table.first
    weights[-1] = -20
    weights[-1, :2] = 0, 1
    before = weights.copy()
    row = as_rows(np.ones((1, 2), np.float32))
    estimator.update(row, np.array([0.0]), np.array([weight]), memory, target)
    stepped = (weights != before).any(axis=0)
    assert stepped.tolist() == [True, True, *[False] * (n_classes - 2)]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_sparse_dense_and_explicit_zeros_are_the_same(
    optimizer: str, n_classes: int, seed: int
) -> None:
    X, y = rows(seed, "log", n_classes)
    everything = csr_array((X.ravel(), np.tile(np.arange(5), 60), np.arange(0, 301, 5)))
    estimator, target = problem("log", n_classes, optimizer=optimizer, l1=0.01, l2=0.01)
    dense, sparse, explicit = (
        learnt(estimator, target, data, y)[2].table.numbers
        for data in (X, csr_array(X), everything)
    )
    np.testing.assert_array_equal(dense, sparse)
    np.testing.assert_array_equal(dense, explicit)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_margins_are_those_of_the_weights_before_the_update(optimizer: str, n_classes: int) -> None:
    X, y = rows(5, "log", n_classes)
    estimator, target = problem("log", n_classes, optimizer=optimizer, l1=0.01)
    memory = estimator.begin(5, target)
    for k in range(20):
        row = as_rows(X[k : k + 1])
        expected = estimator.margins(row, estimator.weights_of(memory))
        found = estimator.update(row, y[k : k + 1], UNWEIGHTED, memory, target)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_row_without_weight_is_no_row(optimizer: str, n_classes: int, seed: int) -> None:
    X, y = rows(seed, "log", n_classes)
    weight = np.random.default_rng(seed).choice([0.0, 0.5, 2.0], 60)
    estimator, target = problem("log", n_classes, optimizer=optimizer, l2=0.1)
    *_, weighted = learnt(estimator, target, X, y, weight)
    kept = weight > 0
    *_, absent = learnt(estimator, target, X[kept], y[kept], weight[kept])
    np.testing.assert_array_equal(weighted.table.numbers, absent.table.numbers)
    np.testing.assert_array_equal(weighted.seen, absent.seen)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_classes_add_up_their_squared_gradients(optimizer: str) -> None:
    """Sums by which merging weights each shard."""
    estimator, target = problem("log", 4, optimizer=optimizer)
    X = np.array([[2.0, 0.0]], np.float32)
    _, _, memory = learnt(estimator, target, X, np.array([1.0]))
    slopes = np.array([0.25, -0.75, 0.25, 0.25])
    expected = np.array([4, 0, 1]) * (slopes**2).sum()
    np.testing.assert_allclose(memory.table.squares[:, 0], expected, rtol=1e-6)


def test_an_index_held_twice_counts_twice_and_takes_two_steps() -> None:
    X = csr_array((np.ones(2, np.float32), np.zeros(2, np.int32), np.array([0, 2])), shape=(1, 1))
    estimator, target = problem("log", 2)
    _, weights, memory = learnt(estimator, target, X, np.array([1.0]))
    gradient = -0.5
    np.testing.assert_allclose(memory.table.squares[0], 2 * gradient**2)
    np.testing.assert_allclose(weights[0], -2 * 0.1 * gradient / np.sqrt(1 + gradient**2))
    np.testing.assert_allclose(
        estimator.margins(as_rows(X), weights), 2 * weights[0] + weights[1], rtol=1e-6
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_duplicates_give_the_same_margins(n_classes: int) -> None:
    X = np.full((2, 3), 3.0, np.float32)
    estimator, _ = problem("log", n_classes)
    weights = np.random.default_rng(0).normal(size=(4, 1 if n_classes == 2 else n_classes))
    weights = weights.astype(np.float32)
    whole, split = (estimator.margins(as_rows(x), weights) for x in (X, with_duplicates(X)))
    np.testing.assert_allclose(split, whole, rtol=1e-6)


def test_empty_rows_and_no_rows_are_fine() -> None:
    for n_classes in (2, 3):
        estimator, target = problem("log", n_classes)
        empty = csr_array((3, 4), dtype=np.float32)
        _, weights, memory = learnt(estimator, target, empty, np.array([0.0, 1.0, 1.0]))
        assert not weights[:-1].any()
        assert weights[-1].any()
        numbers = memory.table.numbers.copy()
        estimator.update(as_rows(empty[:0]), np.empty(0), UNWEIGHTED, memory, target)
        np.testing.assert_array_equal(memory.table.numbers, numbers)
