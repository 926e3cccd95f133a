"""Compiled passes over the rows of a CSR matrix: predict, measure, learn, in one go.

Every kernel takes the CSR buffers ``indptr`` (n_rows + 1,) int64, ``indices`` (nnz,) int32 and
``data`` (nnz,) float32. A coordinate's two numbers lie side by side in ``table``
(n_features + 1, 2) float32, so that one cache line holds both; the intercept is the last row.
An explicit zero is as good as no entry; an index that occurs twice in a row counts twice, and is
updated twice.
"""

import numpy as np

from petafit.compiled import njit

_ONE = np.float32(1)
_ZERO = np.float32(0)


@njit
def margins(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """``X @ w + intercept`` in float64, (n_rows,); `weights` (n_features + 1,) float32."""
    n_rows = len(indptr) - 1
    result = np.empty(n_rows)
    for row in range(n_rows):
        margin = np.float64(weights[-1])
        for k in range(indptr[row], indptr[row + 1]):
            margin += weights[indices[k]] * data[k]
        result[row] = margin
    return result


@njit
def log_loss_slope(margin: float, target: float) -> float:
    """The derivative of the logistic loss by the margin, p - y; `target` is 0 or 1."""
    odds: float = np.exp(-abs(margin))
    return (1.0 if margin >= 0 else odds) / (1 + odds) - target


@njit
def adagrad(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    learning_rate: np.float32,
    l1: np.float32,
    l2: np.float32,
) -> np.ndarray:
    """AdaGrad with the step ``learning_rate / sqrt(1 + G)``; `table` holds (w, G).

    ``G += g**2``, then the proximal step of the elastic net (composite mirror descent, Duchi,
    Hazan & Singer, JMLR 2011, section 5.1): ``u = w - step g``,
    ``w = sgn(u) max(0, |u| - step l1) / (1 + step l2)``. Penalties act on a coordinate in the rows
    that hold it, so a frequent feature is penalised more often; never on the intercept.

    Parameters
    ----------
    target : ndarray of shape (n_rows,), float64
        0 or 1.
    weight : ndarray of shape (n_rows,) or (0,), float64
        Scales a row's gradient; a row of weight 0 leaves no trace. Empty: all 1.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Each row's margin before its own update.
    """
    n_rows = len(indptr) - 1
    before = np.empty(n_rows)
    penalised = l1 > 0 or l2 > 0
    intercept = len(table) - 1
    for row in range(n_rows):
        margin = np.float64(table[intercept, 0])
        for k in range(indptr[row], indptr[row + 1]):
            margin += table[indices[k], 0] * data[k]
        before[row] = margin
        slope = log_loss_slope(margin, target[row])
        if len(weight):
            if weight[row] == 0:
                continue
            slope *= weight[row]
        common = np.float32(slope)
        for k in range(indptr[row], indptr[row + 1]):
            if data[k] == 0:
                continue
            j = indices[k]
            gradient = common * data[k]
            table[j, 1] += gradient * gradient
            step = learning_rate / np.sqrt(_ONE + table[j, 1])
            moved = table[j, 0] - step * gradient
            if penalised:
                size = max(_ZERO, abs(moved) - step * l1) / (_ONE + step * l2)
                moved = np.copysign(size, moved)
            table[j, 0] = moved
        table[intercept, 1] += common * common
        table[intercept, 0] -= learning_rate / np.sqrt(_ONE + table[intercept, 1]) * common
    return before


@njit
def ftrl(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    learning_rate: np.float32,
    beta: np.float32,
    l1: np.float32,
    l2: np.float32,
) -> np.ndarray:
    """FTRL-proximal with per-coordinate rates (McMahan et al., KDD 2013, algorithm 1).

    `table` holds (z, n), n the sum of squared gradients; weights follow by `ftrl_weight`. The
    penalties belong to the whole sum of losses, not to each row; the intercept has none. Other
    parameters and the result as in `adagrad`.
    """
    n_rows = len(indptr) - 1
    before = np.empty(n_rows)
    intercept = len(table) - 1
    longest = 0
    for row in range(n_rows):
        longest = max(longest, indptr[row + 1] - indptr[row])
    current = np.empty(longest, np.float32)
    for row in range(n_rows):
        first, last = indptr[row], indptr[row + 1]
        bias = ftrl_weight(
            table[intercept, 0], table[intercept, 1], learning_rate, beta, _ZERO, _ZERO
        )
        margin = np.float64(bias)
        for k in range(first, last):
            j = indices[k]
            w = ftrl_weight(table[j, 0], table[j, 1], learning_rate, beta, l1, l2)
            current[k - first] = w
            margin += w * data[k]
        before[row] = margin
        slope = log_loss_slope(margin, target[row])
        if len(weight):
            if weight[row] == 0:
                continue
            slope *= weight[row]
        common = np.float32(slope)
        for k in range(first, last):
            if data[k] != 0:
                _ftrl_update(table, indices[k], current[k - first], common * data[k], learning_rate)
        _ftrl_update(table, intercept, bias, common, learning_rate)
    return before


@njit
def ftrl_weight(
    z: np.float32,
    n: np.float32,
    learning_rate: np.float32,
    beta: np.float32,
    l1: np.float32,
    l2: np.float32,
) -> np.float32:
    """The weight that (z, n) stand for: 0 if ``|z| <= l1``, else shrunk towards 0 by l1."""
    if abs(z) <= l1:
        return _ZERO
    weight: np.float32 = (np.copysign(l1, z) - z) / ((beta + np.sqrt(n)) / learning_rate + l2)
    return weight


@njit
def ftrl_weights(
    table: np.ndarray,
    learning_rate: np.float32,
    beta: np.float32,
    l1: np.float32,
    l2: np.float32,
) -> np.ndarray:
    """`ftrl_weight` of every row of `table`; the intercept, without penalties, last."""
    weights = np.empty(len(table), np.float32)
    for j in range(len(table) - 1):
        weights[j] = ftrl_weight(table[j, 0], table[j, 1], learning_rate, beta, l1, l2)
    weights[-1] = ftrl_weight(table[-1, 0], table[-1, 1], learning_rate, beta, _ZERO, _ZERO)
    return weights


@njit
def _ftrl_update(
    table: np.ndarray, j: int, w: np.float32, gradient: np.float32, learning_rate: np.float32
) -> None:
    total = table[j, 1] + gradient * gradient
    sigma = (np.sqrt(total) - np.sqrt(table[j, 1])) / learning_rate
    table[j, 0] += gradient - sigma * w
    table[j, 1] = total
