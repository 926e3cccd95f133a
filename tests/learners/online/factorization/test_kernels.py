"""The kernels of factorization machines against the definition, pair by pair, in float64."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from petafit.learners.online import losses
from petafit.learners.online.csr import UNWEIGHTED, SparseRows, frozen
from petafit.learners.online.factorization.kernels import learn, margins
from petafit.learners.online.optimizers import make_optimizer

N_FEATURES, N_FACTORS = 5, 3

Row = list[tuple[int, float]]
"""Indices and values; an index may occur twice, a value may be 0."""

ROW = st.lists(st.tuples(st.integers(0, N_FEATURES - 1), st.floats(-2, 2, width=16)), max_size=7)


def rows_of(rows: list[Row]) -> SparseRows:
    entries = [entry for row in rows for entry in row]
    return SparseRows(
        frozen(np.cumsum([0, *map(len, rows)]), np.int64),
        frozen([j for j, _ in entries], np.int32),
        frozen([x for _, x in entries], np.float32),
    )


def margin(row: Row, weights: np.ndarray) -> float:
    """The margin by Rendle's equation 1, term by term."""
    linear = weights[-1, 0] + sum(weights[j, 0] * x for j, x in row)
    pairs = (weights[i, 1:] @ weights[j, 1:] * x * z for (i, x), (j, z) in combinations(row, 2))
    return float(linear + sum(pairs))


def gradient(
    row: Row, weights: np.ndarray, loss: int, target: float, *, quantile: float = 0.3
) -> np.ndarray:
    """Central differences of the loss by every weight."""
    result, step = np.zeros_like(weights), 1e-5
    for place in np.ndindex(weights.shape):
        moved = [weights.copy(), weights.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        above, below = (losses.value(loss, margin(row, w), target, quantile) for w in moved)
        result[place] = (above - below) / (2 * step)
    result[-1, 1:] = 0
    return result


def random_weights(seed: int) -> np.ndarray:
    weights = np.random.default_rng(seed).normal(size=(N_FEATURES + 1, 1 + N_FACTORS))
    weights[-1, 1:] = 0
    return weights.astype(np.float32)


def met(weights: np.ndarray) -> np.ndarray:
    """A table of coordinates that rows have moved before."""
    return np.stack([weights, np.ones_like(weights)], axis=1)


@given(rows=st.lists(ROW, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_margins_are_the_sums_over_all_pairs(rows: list[Row], seed: int) -> None:
    weights = random_weights(seed)
    expected = [margin(row, weights.astype(np.float64)) for row in rows]
    found = margins(rows_of(rows), weights)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", losses.CODES)
@given(row=ROW, seed=st.integers(0, 99), target=st.sampled_from([0.0, 1.0]))
@settings(max_examples=30, deadline=None)
def test_a_step_goes_down_the_gradient(loss: str, row: Row, seed: int, target: float) -> None:
    """Plain descent with a step of 1, so that a step is the gradient."""
    weights, code = random_weights(seed) / 2, losses.CODES[loss]
    before = margin(row, weights.astype(np.float64))
    kink = {"hinge": 2 * target - 1, "quantile": target}.get(loss, np.inf)
    assume(abs(before - kink) > 1e-3)
    table = met(weights)
    table[:, 1] = 1e6  # no gradient is out of proportion to those before
    rates = make_optimizer("sgd", learning_rate=1, power_t=0, beta=0, l1=0, l2=0).rates
    weight = frozen([2.0], np.float64)
    learn(
        rows_of([row]),
        frozen([target], np.float64),
        weight,
        table,
        0.0,
        code,
        0.3,
        rates,
        np.float32(0),
    )
    expected = 2 * gradient(row, weights.astype(np.float64), code, target)
    scale = 1 + abs(expected).max()
    np.testing.assert_allclose((weights - table[:, 0]) / scale, expected / scale, atol=1e-4)


def stepped(
    optimizer: str, w: np.ndarray, g: np.ndarray, l1: np.ndarray, l2: np.ndarray
) -> np.ndarray:
    """Weights after a gradient, 1 being the sum of squares before; rate .5, FTRL's beta 1."""
    if optimizer == "ftrl":
        z = -w * (4 + l2) - np.sign(w) * l1
        z += g - (np.sqrt(1 + g**2) - 1) / 0.5 * w
        return -np.sign(z) * np.maximum(0, abs(z) - l1) / ((1 + np.sqrt(1 + g**2)) / 0.5 + l2)
    step = 0.5 / np.sqrt(2 + g**2) if optimizer == "adagrad" else np.full_like(g, 0.5)
    moved = w - step * g
    return np.sign(moved) * np.maximum(0, abs(moved) - step * l1) / (1 + step * l2)


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl", "sgd"])
def test_weights_and_factors_have_penalties_of_their_own(optimizer: str) -> None:
    row = [(j, 1.0 + j) for j in range(N_FEATURES)]
    weights = random_weights(1)
    l1, l2 = np.zeros_like(weights), np.full_like(weights, 0.7)
    l1[:, 0], l2[:, 0] = 0.2, 0.3
    l1[-1] = l2[-1] = 0
    g = gradient(row, weights.astype(np.float64), losses.LOG, 1.0)
    expected = stepped(optimizer, weights.astype(np.float64), g, l1, l2)
    rules = make_optimizer(optimizer, learning_rate=0.5, power_t=0, beta=1, l1=0.2, l2=0.3)
    table = met(weights)
    if optimizer == "ftrl":
        table[:, 0] = -weights * (4 + l2) - np.sign(weights) * l1
    one = frozen([1.0], np.float64)
    learn(rows_of([row]), one, UNWEIGHTED, table, 0.0, 0, 0.5, rules.rates, np.float32(0.7))
    found = table[:, 0]
    if optimizer == "ftrl":
        z, n = table[:, 0], table[:, 1]
        found = -np.sign(z) * np.maximum(0, abs(z) - l1) / ((1 + np.sqrt(n)) / 0.5 + l2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_factors_count_from_the_row_after_the_first_that_moves_their_feature() -> None:
    table = np.stack([random_weights(3), np.zeros((N_FEATURES + 1, 1 + N_FACTORS))], axis=1)
    table, start = table.astype(np.float32), table[:, 0].copy()
    rates = make_optimizer("adagrad", learning_rate=0.1, power_t=0, beta=0, l1=0, l2=0).rates
    row: Row = [(0, 1.0), (1, 1.0), (2, 0.0)]
    clicks = frozen([1.0, 1.0], np.float64)
    found = learn(rows_of([row, row]), clicks, UNWEIGHTED, table, 0.0, 0, 0.5, rates, np.float32(0))
    alone = start.copy()
    alone[:, 1:] = 0
    assert found[0] == pytest.approx(margin(row, alone))
    slope = 1 / (1 + np.exp(found[0]))
    after = start.astype(np.float64)
    after[[0, 1, -1], 0] += 0.1 * slope / np.sqrt(1 + slope**2)
    assert found[1] == pytest.approx(margin(row, after), rel=1e-5)
    np.testing.assert_array_equal(table[2:-1, 0], start[2:-1])
