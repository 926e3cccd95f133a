"""Compiled passes of second-order factorization machines over sparse rows.

The margin of a row x is ``b + sum_j w_j x_j + sum_{i<j} <v_i, v_j> x_i x_j``, in time proportional
to entries times factors by ``sum_{i<j} <v_i, v_j> x_i x_j = (|s|**2 - sum_j |v_j x_j|**2) / 2``
with ``s = sum_j v_j x_j`` (Rendle: Factorization machines, ICDM 2010, lemma 3.1). Its derivatives
are ``x_j`` by w_j and ``x_j (s - v_j x_j)`` by v_j.

``table`` (n_features + 1, 2, 1 + n_factors) float32 holds of each coordinate the first numbers of w
and v, then their second numbers, as `petafit.learners.online.update_rules` defines them; the last
row is that of the intercept, whose factors stay 0. A coordinate is active once a row has moved it,
which w's second number shows; until then its factors, which are noise, are left out of margins. An
index that occurs twice in a row stands for two features that share their numbers: they interact,
and each takes a step, one after the other.

Positions are unsigned, so compiled code need not check for negative indices.
"""

import numpy as np

from petafit.compiled import njit
from petafit.learners.online import losses
from petafit.learners.online.csr import SparseRows, longest
from petafit.learners.online.update_rules import (
    FTRL,
    ORDINARY,
    Rates,
    beyond,
    descend,
    ftrl_step,
    ftrl_weight,
    leeway_in_row,
    rate_in_row,
    within,
)
from petafit.learners.online.weight_table import prefetch

_AHEAD = np.uint64(64)
"""Prefetch distance in entries; 20 to 160 were equally good with 8 factors."""

_ZERO, _FIRST = np.float32(0), np.uint64(1)


@njit
def margins(rows: SparseRows, weights: np.ndarray) -> np.ndarray:
    """Compute margins, (n_rows,) float64; `weights` (n_features + 1, 1 + n_factors) is (w, v).

    Factors of coordinates that were never active must be 0.
    """
    n_rows, n_factors = len(rows.indptr) - 1, np.uint64(weights.shape[1] - 1)
    final, last_byte = np.uint64(len(rows.indices) - 1), 4 * weights.shape[1] - 1
    sums, squares = np.empty(n_factors, np.float32), np.empty(n_factors, np.float32)
    result = np.empty(n_rows)
    for row in range(n_rows):
        margin = np.float64(weights[-1, 0])
        sums[:] = 0
        squares[:] = 0
        for k in range(np.uint64(rows.indptr[row]), np.uint64(rows.indptr[row + 1])):
            ahead = rows.indices[min(k + _AHEAD, final)]
            prefetch(weights, ahead, 0)
            prefetch(weights, ahead, last_byte)
            j, x = np.uint64(rows.indices[k]), rows.data[k]
            margin += weights[j, 0] * x
            for f in range(n_factors):
                term = weights[j, _FIRST + f] * x
                sums[f] += term
                squares[f] += term * term
        result[row] = margin + _interactions(sums, squares)
        if not np.isfinite(result[row]):
            result[row] = margin + _in_doubles(rows, row, weights)
    return result


@njit
def learn(
    rows: SparseRows,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    seen: float,
    loss: int,
    quantile: float,
    rates: Rates,
    factor_l2: np.float32,
) -> np.ndarray:
    """Take one step per row, in place.

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
    rates : Rates
        Step sizes, and the penalties of w.
    factor_l2 : float32
        Penalty of v.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Each row's margin before its own update.
    """
    n_rows, n_factors = len(rows.indptr) - 1, table.shape[2] - 1
    before = np.empty(n_rows)
    terms = np.empty((longest(rows.indptr), n_factors), np.float32)
    sums, squares = np.empty(n_factors, np.float32), np.empty(n_factors, np.float32)
    for row in range(n_rows):
        first, last = np.uint64(rows.indptr[row]), np.uint64(rows.indptr[row + 1])
        margin = _gather(rows, first, last, table, terms, sums, squares, rates, factor_l2)
        before[row] = margin + _interactions(sums, squares)
        if not np.isfinite(before[row]):
            before[row] = margin + _of_terms(terms[: last - first])
        slope = losses.slope(loss, before[row], target[row], quantile)
        if len(weight):
            if weight[row] == 0:
                continue
            slope *= weight[row]
        seen += 1
        rate, leeway = rate_in_row(rates, seen), leeway_in_row(seen)
        reach, common = _reach(sums, squares), np.float32(slope)
        _update(rows, first, last, table, terms, sums, reach, slope, leeway, rate, rates, factor_l2)
        if beyond(common * common, table[-1, 1, 0], leeway):
            common = within(slope, table[-1, 1, 0], leeway)
        table[-1, 0, 0], table[-1, 1, 0] = _step(
            table[-1, 0, 0], table[-1, 1, 0], common, rate, rates, _ZERO, _ZERO
        )
    return before


@njit
def _gather(
    rows: SparseRows,
    first: np.uint64,
    last: np.uint64,
    table: np.ndarray,
    terms: np.ndarray,
    sums: np.ndarray,
    squares: np.ndarray,
    rates: Rates,
    factor_l2: np.float32,
) -> float:
    """Return a row's linear margin; fill in ``v x``, and its sums and sums of squares."""
    final, last_byte = np.uint64(len(rows.indices) - 1), 8 * table.shape[2] - 1
    margin = np.float64(_weight(table[-1, 0, 0], table[-1, 1, 0], rates, _ZERO, _ZERO))
    sums[:] = 0
    squares[:] = 0
    for k in range(first, last):
        ahead = rows.indices[min(k + _AHEAD, final)]
        prefetch(table, ahead, 0)
        prefetch(table, ahead, last_byte)
        j, x = np.uint64(rows.indices[k]), rows.data[k]
        margin += _weight(table[j, 0, 0], table[j, 1, 0], rates, rates.l1, rates.l2) * x
        counted = x if table[j, 1, 0] > 0 else _ZERO
        for f in range(np.uint64(len(sums))):
            v = _weight(table[j, 0, _FIRST + f], table[j, 1, _FIRST + f], rates, _ZERO, factor_l2)
            term = v * counted
            terms[k - first, f] = term
            sums[f] += term
            squares[f] += term * term
    return margin


@njit
def _interactions(sums: np.ndarray, squares: np.ndarray) -> float:
    total = 0.0
    for f in range(len(sums)):
        total += sums[f] * sums[f] - squares[f]
    return 0.5 * total


@njit
def _of_terms(terms: np.ndarray) -> float:
    """Compute `_interactions` in float64: squares of large values exceed float32."""
    total = 0.0
    for f in range(terms.shape[1]):
        sum_, squares = 0.0, 0.0
        for k in range(len(terms)):
            term = np.float64(terms[k, f])
            sum_ += term
            squares += term * term
        total += sum_ * sum_ - squares
    return 0.5 * total


@njit
def _in_doubles(rows: SparseRows, row: int, weights: np.ndarray) -> float:
    """Compute the interactions of a row whose squares exceed float32."""
    first, last = np.uint64(rows.indptr[row]), np.uint64(rows.indptr[row + 1])
    terms = np.empty((last - first, weights.shape[1] - 1))
    for k in range(first, last):
        terms[k - first] = weights[np.uint64(rows.indices[k]), 1:] * np.float64(rows.data[k])
    return _of_terms(terms)


@njit
def _reach(sums: np.ndarray, squares: np.ndarray) -> np.float32:
    """Return an upper bound of ``|s - v x|`` over a row's entries."""
    reach = _ZERO
    for f in range(len(sums)):
        reach = max(reach, abs(sums[f]) + np.sqrt(squares[f]))
    return reach


@njit
def _update(
    rows: SparseRows,
    first: np.uint64,
    last: np.uint64,
    table: np.ndarray,
    terms: np.ndarray,
    sums: np.ndarray,
    reach: np.float32,
    slope: float,
    leeway: np.float32,
    rate: np.float32,
    rates: Rates,
    factor_l2: np.float32,
) -> None:
    """Update the coordinates of a row; `slope` is the derivative of its loss by the margin."""
    common = np.float32(slope)
    for k in range(first, last):
        if rows.data[k] == 0:
            continue
        j, gradient = np.uint64(rows.indices[k]), common * rows.data[k]
        if beyond(gradient * gradient, table[j, 1, 0], leeway):
            gradient = within(slope * rows.data[k], table[j, 1, 0], leeway)
        table[j, 0, 0], table[j, 1, 0] = _step(
            table[j, 0, 0], table[j, 1, 0], gradient, rate, rates, rates.l1, rates.l2
        )
        if table[j, 1, 0] == 0:
            continue
        bounded = abs(gradient) * reach > ORDINARY
        for f in range(np.uint64(len(sums))):
            first_number, second_number = table[j, 0, _FIRST + f], table[j, 1, _FIRST + f]
            steepness = gradient * (sums[f] - terms[k - first, f])
            if bounded:
                steepness = within(steepness, second_number, leeway)
            table[j, 0, _FIRST + f], table[j, 1, _FIRST + f] = _step(
                first_number, second_number, steepness, rate, rates, _ZERO, factor_l2
            )


@njit
def _weight(
    first: np.float32, second: np.float32, rates: Rates, l1: np.float32, l2: np.float32
) -> np.float32:
    """Return the weight represented by a coordinate's two numbers."""
    if rates.rule == FTRL:
        return ftrl_weight(first, second, rates.learning_rate, rates.beta, l1, l2)
    return first


@njit
def _step(
    first: np.float32,
    second: np.float32,
    gradient: np.float32,
    rate: np.float32,
    rates: Rates,
    l1: np.float32,
    l2: np.float32,
) -> tuple[np.float32, np.float32]:
    """Return a coordinate's two numbers after a gradient."""
    if rates.rule == FTRL:
        return ftrl_step(first, second, _weight(first, second, rates, l1, l2), gradient, rate)
    return descend(first, second, gradient, rate, rates.adaptive, l1, l2)
