"""Compiled passes over sparse rows with an output for each class: softmax, or one against the rest.

``table`` (n_features + 1, n_classes + 1) float32 holds a coordinate's first numbers of all classes,
then the sum of all their squared gradients; the intercepts are the last. Steps follow from that
sum's mean over the classes. A sum for each class would double the memory traffic of a row, which
dominates the time; embeddings of recommender systems are learnt this way for the same reason
(row-wise AdaGrad: Mudigere et al., ISCA 2022). All classes are done in one pass over a row's
entries. An index that occurs twice in a row counts twice and takes two steps.
"""

import numpy as np

from petafit.compiled import njit
from petafit.learners.online import losses
from petafit.learners.online.csr import SparseRows, longest
from petafit.learners.online.update_rules import (
    Rates,
    beyond,
    ftrl_shrinkage,
    ftrl_weight,
    leeway_in_row,
    rate_in_row,
    shrink,
    step_length,
    within,
)
from petafit.learners.online.weight_table import prefetch

_LINE, _AHEAD = 64, 128
"""Bytes of a cache line, and how many of them to prefetch before they are needed."""

_ZERO, _ONE = np.float32(0), np.float32(1)

_LARGEST_WEIGHT = 1e12
"""Upper limit of a row's weight, so that squared slopes stay finite."""

_SURE = 1e-3
"""Least slope by a margin, times the row's weight, for which a class takes a step, unless there are
penalties: softmax gives most classes a negligible probability.
"""

_FEW = 0.15
"""Up to this share of active classes they are processed one by one, and not all as vectors."""


@njit
def margins(rows: SparseRows, weights: np.ndarray) -> np.ndarray:
    """Compute ``X @ W + intercepts`` in float64; `weights` (n_features + 1, n_classes) float32."""
    indptr, indices, data = rows
    n_rows, n_classes = len(indptr) - 1, weights.shape[1]
    result, sums = np.empty((n_rows, n_classes)), np.empty(n_classes, np.float32)
    for row in range(n_rows):
        for c in range(n_classes):
            sums[c] = weights[-1, c]
        for k in range(np.uint64(indptr[row]), np.uint64(indptr[row + 1])):
            _prefetch_later(weights, indices, k)
            j, x = np.uint64(indices[k]), data[k]
            for c in range(n_classes):
                sums[c] += weights[j, c] * x
        for c in range(n_classes):
            result[row, c] = sums[c]
    return result


@njit
def learn_by_descent(
    rows: SparseRows,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    seen: float,
    loss: int,
    rates: Rates,
) -> np.ndarray:
    """Take one step per row of AdaGrad or plain SGD, in place; `table` holds (w, G).

    Parameters and penalties as in `petafit.learners.online.linear.kernels.learn_by_descent`, but
    `target` holds the positions of classes, and the result is of shape (n_rows, n_classes). Without
    penalties only classes with a significant slope take a step: see `_SURE`.
    """
    indptr, indices, data = rows
    n_rows, n_classes = len(indptr) - 1, table.shape[1] - 1
    before, slopes = np.empty((n_rows, n_classes)), np.empty(n_classes, np.float32)
    stepping, shrinking = np.empty(n_classes, np.uint64), rates.l1 != 0 or rates.l2 != 0
    share = np.float32(1 / n_classes)
    for row in range(n_rows):
        first, last = np.uint64(indptr[row]), np.uint64(indptr[row + 1])
        for c in range(n_classes):
            slopes[c] = table[-1, c]
        for k in range(first, last):
            _prefetch_later(table, indices, k)
            j, x = np.uint64(indices[k]), data[k]
            for c in range(n_classes):
                slopes[c] += table[j, c] * x
        for c in range(n_classes):
            before[row, c] = slopes[c]
        if len(weight) and weight[row] == 0:
            continue
        own_weight = min(weight[row], _LARGEST_WEIGHT) if len(weight) else 1.0
        _slopes(loss, slopes, int(target[row]), own_weight)
        seen += 1
        rate, leeway = rate_in_row(rates, seen), leeway_in_row(seen)
        n_stepping = n_classes if shrinking else _keep(slopes, _SURE * own_weight, stepping)
        if n_stepping == 0:
            continue
        squares = _sum_of_squares(slopes)
        for k in range(first, last):
            j, x = np.uint64(indices[k]), data[k]
            if x == 0:
                continue
            if beyond(share * squares * x * x, share * table[j, n_classes], leeway):
                x = _value_within(x, share * squares, share * table[j, n_classes], leeway)
            table[j, n_classes] += squares * x * x
            step = step_length(share * table[j, n_classes], rate, rates.adaptive)
            if shrinking:
                for c in range(n_classes):
                    table[j, c] = shrink(
                        table[j, c] - step * slopes[c] * x, step, rates.l1, rates.l2
                    )
            elif n_stepping <= _FEW * n_classes:
                for number in range(np.uint64(n_stepping)):
                    c = stepping[number]
                    table[j, c] -= step * x * slopes[c]
            else:
                for c in range(n_classes):
                    table[j, c] -= step * x * slopes[c]
        one = _ONE
        if beyond(share * squares, share * table[-1, n_classes], leeway):
            one = _value_within(one, share * squares, share * table[-1, n_classes], leeway)
        table[-1, n_classes] += squares * one * one
        step = step_length(share * table[-1, n_classes], rate, rates.adaptive)
        for c in range(n_classes):
            table[-1, c] -= step * one * slopes[c]
    return before


@njit
def learn_by_ftrl(
    rows: SparseRows,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    seen: float,
    loss: int,
    rates: Rates,
) -> np.ndarray:
    """Take one step per row of FTRL-proximal, in place; `table` holds (z, n).

    Penalties as in `petafit.learners.online.linear.kernels.learn_by_ftrl`; the rest as in
    `learn_by_descent`.
    """
    indptr, indices, data = rows
    n_rows, n_classes = len(indptr) - 1, table.shape[1] - 1
    before, slopes = np.empty((n_rows, n_classes)), np.empty(n_classes, np.float32)
    rate, beta, l1, l2 = rates.learning_rate, rates.beta, rates.l1, rates.l2
    weights = np.empty((longest(indptr) + 1, n_classes), np.float32)
    share = np.float32(1 / n_classes)
    for row in range(n_rows):
        first, last = np.uint64(indptr[row]), np.uint64(indptr[row + 1])
        mean = share * table[-1, n_classes]
        for c in range(n_classes):
            weights[-1, c] = ftrl_weight(table[-1, c], mean, rate, beta, _ZERO, _ZERO)
            slopes[c] = weights[-1, c]
        for k in range(first, last):
            _prefetch_later(table, indices, k)
            j, x = np.uint64(indices[k]), data[k]
            mean = share * table[j, n_classes]
            for c in range(n_classes):
                w = ftrl_weight(table[j, c], mean, rate, beta, l1, l2)
                weights[k - first, c] = w
                slopes[c] += w * x
        for c in range(n_classes):
            before[row, c] = slopes[c]
        if len(weight) and weight[row] == 0:
            continue
        own_weight = min(weight[row], _LARGEST_WEIGHT) if len(weight) else 1.0
        _slopes(loss, slopes, int(target[row]), own_weight)
        seen += 1
        squares, leeway = _sum_of_squares(slopes), leeway_in_row(seen)
        for k in range(first, last):
            j, x = np.uint64(indices[k]), data[k]
            if beyond(share * squares * x * x, share * table[j, n_classes], leeway):
                x = _value_within(x, share * squares, share * table[j, n_classes], leeway)
            _step_by_ftrl(table[j], weights[k - first], slopes, squares, x, rate)
        one = _ONE
        if beyond(share * squares, share * table[-1, n_classes], leeway):
            one = _value_within(one, share * squares, share * table[-1, n_classes], leeway)
        _step_by_ftrl(table[-1], weights[-1], slopes, squares, one, rate)
    return before


@njit
def _slopes(loss: int, margins: np.ndarray, own: int, weight: float) -> None:
    """Replace a row's margins by the derivatives of its loss with respect to them, times its
    weight.
    """
    if loss == losses.LOG:
        largest, total = margins[0], _ZERO
        for c in range(1, len(margins)):
            largest = max(largest, margins[c])
        for c in range(len(margins)):
            margins[c] = np.exp(margins[c] - largest)
            total += margins[c]
        for c in range(len(margins)):
            margins[c] /= total
        margins[own] -= np.float32(1)
    else:
        for c in range(len(margins)):
            margins[c] = losses.slope(loss, margins[c], 1.0 if c == own else 0.0, 0.5)
    counted = np.float32(weight)
    for c in range(len(margins)):
        margins[c] *= counted


@njit
def _keep(slopes: np.ndarray, least: float, kept: np.ndarray) -> int:
    """Zero the slopes below `least`; return how many remain, with their classes at the start of
    `kept`.
    """
    count = 0
    for c in range(len(slopes)):
        if abs(slopes[c]) < least:
            slopes[c] = _ZERO
        else:
            kept[count] = c
            count += 1
    return count


@njit
def _sum_of_squares(slopes: np.ndarray) -> np.float32:
    total = _ZERO
    for slope in slopes:
        total += slope * slope
    return total


@njit
def _value_within(
    x: np.float32, square: np.float32, total: np.float32, leeway: np.float32
) -> np.float32:
    """Clip a value so that its squared gradients over all classes are not `beyond` what came
    before.

    `square` is the mean of their squared slopes, `total` that of their squared gradients before.
    """
    size = np.sqrt(np.float64(square))
    return np.float32(within(size * x, total, leeway) / size)


@njit
def _step_by_ftrl(
    numbers: np.ndarray,
    weights: np.ndarray,
    slopes: np.ndarray,
    squares: np.float32,
    x: np.float32,
    rate: np.float32,
) -> None:
    """Take all classes' step at one coordinate, given its numbers and weights."""
    n_classes, share = len(weights), np.float32(1 / len(weights))
    total = numbers[n_classes] + squares * x * x
    sigma = ftrl_shrinkage(share * numbers[n_classes], share * total, rate)
    for c in range(n_classes):
        numbers[c] += slopes[c] * x - sigma * weights[c]
    numbers[n_classes] = total


@njit
def _prefetch_later(table: np.ndarray, indices: np.ndarray, k: int) -> None:
    """Prefetch all cache lines of a coordinate needed by a later entry than `k`."""
    lines = (4 * table.shape[1] + _LINE - 1) // _LINE
    later = min(np.uint64(k + _AHEAD // lines + 1), np.uint64(len(indices) - 1))
    for line in range(lines):
        prefetch(table, indices[later], line * _LINE)
