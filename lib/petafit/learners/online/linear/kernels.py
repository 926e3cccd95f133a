"""Compiled passes over sparse rows for one output: predict, score, learn, in a single loop.

``table`` (n_features + 1, 2) float32 holds a coordinate's two numbers side by side, so that one
cache line has both; the intercept is the last. An index that occurs twice in a row counts twice and
takes two steps, both of the length that follows from what it was before the row.

Positions are unsigned, so compiled code need not check for negative indices. A row's numbers are
gathered first, so that roots and divisions are vectorised.
"""

import numpy as np

from petafit.compiled import njit
from petafit.learners.online import losses
from petafit.learners.online.csr import SparseRows, longest
from petafit.learners.online.linear import poisson
from petafit.learners.online.update_rules import (
    Rates,
    beyond,
    descend,
    ftrl_step,
    ftrl_weight,
    leeway_in_row,
    rate_in_row,
    shrink,
    step_length,
    within,
)
from petafit.learners.online.weight_table import prefetch

_AHEAD = np.uint64(128)
"""Prefetch distance in entries: 96 to 256 were equally good for rows of 39 entries."""

_ZERO = np.float32(0)


@njit
def margins(rows: SparseRows, weights: np.ndarray) -> np.ndarray:
    """Compute ``X @ w + intercept``, (n_rows,) float64; `weights` (n_features + 1, 1) float32."""
    indptr, indices, data = rows
    n_rows, final = len(indptr) - 1, np.uint64(len(indices) - 1)
    result = np.empty(n_rows)
    for row in range(n_rows):
        margin = np.float64(weights[-1, 0])
        for k in range(np.uint64(indptr[row]), np.uint64(indptr[row + 1])):
            prefetch(weights, indices[min(k + _AHEAD, final)], 0)
            margin += weights[np.uint64(indices[k]), 0] * data[k]
        result[row] = margin
    return result


@njit
def learn_by_descent(
    rows: SparseRows,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    seen: float,
    loss: int,
    quantile: float,
    rates: Rates,
) -> np.ndarray:
    """Take one step per row of AdaGrad or plain SGD, in place; `table` holds (w, G).

    Penalties act on a coordinate in the rows that hold it, so that a frequent feature is penalised
    more often; never on the intercept.

    Parameters
    ----------
    target : ndarray of shape (n_rows,), float64
        As in `petafit.learners.online.losses`.
    weight : ndarray of shape (n_rows,) or (0,), float64
        Scales a row's gradient; a row of weight 0 leaves no trace. Empty: all 1.
    seen : float
        Number of rows learnt from before.
    loss : int
        The loss's code.
    quantile : float
        The quantile of the quantile loss.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Each row's margin before its own update.
    """
    indptr, indices, data = rows
    n_rows, final = len(indptr) - 1, np.uint64(len(indices) - 1)
    before, steps = np.empty(n_rows), np.empty(longest(indptr), np.float32)
    penalised = rates.l1 > 0 or rates.l2 > 0
    for row in range(n_rows):
        first, size = np.uint64(indptr[row]), np.uint64(indptr[row + 1] - indptr[row])
        margin = np.float64(table[-1, 0])
        for i in range(size):
            prefetch(table, indices[min(first + i + _AHEAD, final)], 0)
            j = np.uint64(indices[first + i])
            steps[i] = table[j, 1]
            margin += table[j, 0] * data[first + i]
        before[row] = margin
        if loss == losses.POISSON:
            own = weight[row] if len(weight) else 1.0
            if own > 0:
                seen += 1
                entries = indices[first : first + size], data[first : first + size]
                poisson.descend(*entries, margin, target[row], own, table, seen, rates)
            continue
        slope = losses.slope(loss, margin, target[row], quantile)
        if len(weight):
            if weight[row] == 0:
                continue
            slope *= weight[row]
        seen += 1
        common, rate = np.float32(slope), rate_in_row(rates, seen)
        leeway = leeway_in_row(seen)
        n_beyond = np.int32(beyond(common * common, table[-1, 1], leeway))
        for i in range(size):
            gradient = common * data[first + i]
            n_beyond += np.int32(beyond(gradient * gradient, steps[i], leeway))
            steps[i] = step_length(steps[i] + gradient * gradient, rate, rates.adaptive)
        if n_beyond:
            _descend_within(indices, data, first, size, slope, table, leeway, rate, rates)
            continue
        if penalised:
            for i in range(size):
                if data[first + i] != 0:
                    j, gradient = np.uint64(indices[first + i]), common * data[first + i]
                    moved = table[j, 0] - steps[i] * gradient
                    table[j, 0] = shrink(moved, steps[i], rates.l1, rates.l2)
                    table[j, 1] += gradient * gradient
        else:
            for i in range(size):
                j, gradient = np.uint64(indices[first + i]), common * data[first + i]
                table[j, 0] -= steps[i] * gradient
                table[j, 1] += gradient * gradient
        table[-1, 1] += common * common
        table[-1, 0] -= step_length(table[-1, 1], rate, rates.adaptive) * common
    return before


@njit
def learn_by_ftrl(
    rows: SparseRows,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    seen: float,
    loss: int,
    quantile: float,
    rates: Rates,
) -> np.ndarray:
    """Take one step per row of FTRL-proximal, in place; `table` holds (z, n).

    The penalties belong to the whole sum of losses, not to each row; the intercept has none.
    Parameters and result as in `learn_by_descent`.
    """
    indptr, indices, data = rows
    n_rows, final = len(indptr) - 1, np.uint64(len(indices) - 1)
    before, weights = np.empty(n_rows), np.empty(longest(indptr), np.float32)
    totals = np.empty_like(weights)
    rate, beta, l1, l2 = rates.learning_rate, rates.beta, rates.l1, rates.l2
    for row in range(n_rows):
        first, size = np.uint64(indptr[row]), np.uint64(indptr[row + 1] - indptr[row])
        for i in range(size):
            prefetch(table, indices[min(first + i + _AHEAD, final)], 0)
            j = np.uint64(indices[first + i])
            weights[i], totals[i] = table[j, 0], table[j, 1]
        for i in range(size):
            weights[i] = ftrl_weight(weights[i], totals[i], rate, beta, l1, l2)
        intercept = ftrl_weight(table[-1, 0], table[-1, 1], rate, beta, _ZERO, _ZERO)
        margin = np.float64(intercept)
        for i in range(size):
            margin += weights[i] * data[first + i]
        before[row] = margin
        if loss == losses.POISSON:
            own = weight[row] if len(weight) else 1.0
            if own > 0:
                seen += 1
                entries = indices[first : first + size], data[first : first + size]
                poisson.follow(*entries, weights, margin, target[row], own, table, seen, rates)
            continue
        slope = losses.slope(loss, margin, target[row], quantile)
        if len(weight):
            if weight[row] == 0:
                continue
            slope *= weight[row]
        seen += 1
        leeway, common, moves = leeway_in_row(seen), np.float32(slope), weights
        n_beyond = np.int32(beyond(common * common, table[-1, 1], leeway))
        for i in range(size):
            gradient = common * data[first + i]
            n_beyond += np.int32(beyond(gradient * gradient, totals[i], leeway))
            moves[i], _ = ftrl_step(_ZERO, totals[i], weights[i], gradient, rate)
        if n_beyond:
            for i in range(size):
                j = np.uint64(indices[first + i])
                weights[i] = ftrl_weight(table[j, 0], table[j, 1], rate, beta, l1, l2)
            _ftrl_within(indices, data, first, slope, table, weights[:size], leeway, rates)
            continue
        for i in range(size):
            j, gradient = np.uint64(indices[first + i]), common * data[first + i]
            table[j, 0] += moves[i]
            table[j, 1] += gradient * gradient
        table[-1, 0], table[-1, 1] = ftrl_step(table[-1, 0], table[-1, 1], intercept, common, rate)
    return before


@njit
def _descend_within(
    indices: np.ndarray,
    data: np.ndarray,
    first: np.uint64,
    size: np.uint64,
    slope: float,
    table: np.ndarray,
    leeway: np.float32,
    rate: np.float32,
    rates: Rates,
) -> None:
    """Take the step of a row with a gradient that is `beyond` those before it."""
    for k in range(first, first + size):
        if data[k] != 0:
            numbers = table[np.uint64(indices[k])]
            gradient = within(slope * data[k], numbers[1], leeway)
            numbers[0], numbers[1] = descend(
                numbers[0], numbers[1], gradient, rate, rates.adaptive, rates.l1, rates.l2
            )
    numbers, gradient = table[-1], within(slope, table[-1, 1], leeway)
    numbers[0], numbers[1] = descend(
        numbers[0], numbers[1], gradient, rate, rates.adaptive, _ZERO, _ZERO
    )


@njit
def _ftrl_within(
    indices: np.ndarray,
    data: np.ndarray,
    first: np.uint64,
    slope: float,
    table: np.ndarray,
    weights: np.ndarray,
    leeway: np.float32,
    rates: Rates,
) -> None:
    """Take a row's step as in `_descend_within`, for FTRL with these weights."""
    rate = rates.learning_rate
    for i in range(np.uint64(len(weights))):
        numbers = table[np.uint64(indices[first + i])]
        gradient = within(slope * data[first + i], numbers[1], leeway)
        numbers[0], numbers[1] = ftrl_step(numbers[0], numbers[1], weights[i], gradient, rate)
    numbers, gradient = table[-1], within(slope, table[-1, 1], leeway)
    own = ftrl_weight(numbers[0], numbers[1], rate, rates.beta, _ZERO, _ZERO)
    numbers[0], numbers[1] = ftrl_step(numbers[0], numbers[1], own, gradient, rate)
