"""Compiled pass over sparse rows for many linear models at once, each trained by AdaGrad.

``table`` (n_features + 1, 2 n_models) float32 holds a coordinate's weights of all models, then
their sums of squared gradients: a coordinate is fetched once for all models, and loops over models
are vectorised. Every model takes exactly the steps of
`petafit.learners.online.linear.kernels.learn_by_descent`.
"""

from typing import NamedTuple

import numpy as np

from petafit.compiled import njit
from petafit.learners.online import losses
from petafit.learners.online.csr import SparseRows, longest
from petafit.learners.online.update_rules import (
    beyond,
    descend,
    leeway_in_row,
    shrink,
    step_length,
    within,
)
from petafit.learners.online.weight_table import prefetch

_AHEAD = np.uint64(32)
"""Prefetch distance in entries, each of several cache lines."""

_LINE = 64
_ZERO, _ONE = np.float32(0), np.float32(1)


class ModelRates(NamedTuple):
    """AdaGrad's parameters of each model.

    Attributes
    ----------
    learning_rate, l1, l2 : ndarray of float32, shape (n_models,)
    """

    learning_rate: np.ndarray
    l1: np.ndarray
    l2: np.ndarray


class UsedEntries(NamedTuple):
    """The entries that each model uses.

    Attributes
    ----------
    origins : ndarray of uint16, shape (nnz,)
        The feature of which each entry was made.
    uses : ndarray of float32, shape (n_origins, n_models)
        1 where a model uses a feature, else 0.
    """

    origins: np.ndarray
    uses: np.ndarray


@njit
def learn_side_by_side(
    rows: SparseRows,
    used: UsedEntries,
    target: np.ndarray,
    weight: np.ndarray,
    table: np.ndarray,
    seen: float,
    loss: int,
    quantile: float,
    rates: ModelRates,
) -> np.ndarray:
    """Take one step per row and model, in place.

    Parameters
    ----------
    target, weight, seen, loss, quantile
        As in `petafit.learners.online.linear.kernels.learn_by_descent`; not the loss `POISSON`.

    Returns
    -------
    ndarray of shape (n_rows, n_models), float64
        Each row's margins before its own updates.
    """
    indptr, n_models = rows.indptr, len(rates.learning_rate)
    before = np.zeros((len(indptr) - 1, n_models))
    steps = np.empty((longest(indptr), n_models), np.float32)
    slopes, common = np.empty(n_models), np.empty(n_models, np.float32)
    penalised = (rates.l1 > 0).any() or (rates.l2 > 0).any()
    for row in range(len(indptr) - 1):
        first, size = np.uint64(indptr[row]), np.uint64(indptr[row + 1] - indptr[row])
        _gather(rows, used, first, size, table, row, before, steps)
        if len(weight) and weight[row] == 0:
            continue
        for c in range(n_models):
            slopes[c] = losses.slope(loss, before[row, c], target[row], quantile)
            if len(weight):
                slopes[c] *= weight[row]
            common[c] = np.float32(slopes[c])
        seen += 1
        leeway = leeway_in_row(seen)
        if _measure(rows, used, first, size, common, table, steps, leeway, rates):
            _step_within(rows, used, first, size, slopes, table, steps, leeway, rates)
            continue
        if penalised:
            _step_penalised(rows, used, first, size, common, table, steps, rates)
        else:
            _step(rows, used, first, size, common, table, steps)
        _step_intercepts(common, table, rates)
    return before


@njit
def _gather(
    rows: SparseRows,
    used: UsedEntries,
    first: np.uint64,
    size: np.uint64,
    table: np.ndarray,
    row: int,
    margins: np.ndarray,
    totals: np.ndarray,
) -> None:
    """Compute a row's margins, and gather the squared gradients of its coordinates."""
    indices, data, origins, uses = rows.indices, rows.data, used.origins, used.uses
    n_models, final = np.uint64(margins.shape[1]), np.uint64(len(indices) - 1)
    for c in range(n_models):
        margins[row, c] = table[-1, c]
    for i in range(size):
        ahead = indices[min(first + i + _AHEAD, final)]
        for offset in range(0, 8 * margins.shape[1], _LINE):
            prefetch(table, ahead, offset)
        j, own, value = np.uint64(indices[first + i]), origins[first + i], data[first + i]
        for c in range(n_models):
            margins[row, c] += table[j, c] * (value * uses[own, c])
            totals[i, c] = table[j, n_models + c]


@njit
def _measure(
    rows: SparseRows,
    used: UsedEntries,
    first: np.uint64,
    size: np.uint64,
    common: np.ndarray,
    table: np.ndarray,
    kept: np.ndarray,
    leeway: np.float32,
    rates: ModelRates,
) -> np.int32:
    """Replace squared gradients by step lengths; count the gradients that are `beyond` them."""
    n_models = np.uint64(len(common))
    data, origins, uses, learning_rate = rows.data, used.origins, used.uses, rates.learning_rate
    n_beyond = np.int32(0)
    for c in range(n_models):
        n_beyond += np.int32(beyond(common[c] * common[c], table[-1, n_models + c], leeway))
    for i in range(size):
        value, own = data[first + i], origins[first + i]
        for c in range(n_models):
            gradient = common[c] * (value * uses[own, c])
            square = gradient * gradient
            n_beyond += np.int32(beyond(square, kept[i, c], leeway))
            kept[i, c] = step_length(kept[i, c] + square, learning_rate[c], _ONE)
    return n_beyond


@njit
def _step(
    rows: SparseRows,
    used: UsedEntries,
    first: np.uint64,
    size: np.uint64,
    common: np.ndarray,
    table: np.ndarray,
    steps: np.ndarray,
) -> None:
    n_models = np.uint64(len(common))
    indices, data, origins, uses = rows.indices, rows.data, used.origins, used.uses
    for i in range(size):
        j, own, value = np.uint64(indices[first + i]), origins[first + i], data[first + i]
        for c in range(n_models):
            gradient = common[c] * (value * uses[own, c])
            table[j, c] -= steps[i, c] * gradient
            table[j, n_models + c] += gradient * gradient


@njit
def _step_penalised(
    rows: SparseRows,
    used: UsedEntries,
    first: np.uint64,
    size: np.uint64,
    common: np.ndarray,
    table: np.ndarray,
    steps: np.ndarray,
    rates: ModelRates,
) -> None:
    """Take a row's step with penalties on the coordinates that a model uses; 0 changes nothing."""
    n_models, l1, l2 = np.uint64(len(common)), rates.l1, rates.l2
    indices, data, origins, uses = rows.indices, rows.data, used.origins, used.uses
    for i in range(size):
        j, own, value = np.uint64(indices[first + i]), origins[first + i], data[first + i]
        for c in range(n_models):
            x = value * uses[own, c]
            gradient, step = common[c] * x, steps[i, c]
            moved = table[j, c] - step * gradient
            rest = max(_ZERO, abs(moved) - step * l1[c])
            shrunk = np.copysign(rest / (_ONE + step * l2[c]), moved)
            table[j, c] = shrunk if x != 0 else moved
            table[j, n_models + c] += gradient * gradient


@njit
def _step_intercepts(common: np.ndarray, table: np.ndarray, rates: ModelRates) -> None:
    n_models, learning_rate = np.uint64(len(common)), rates.learning_rate
    for c in range(n_models):
        total = table[-1, n_models + c] + common[c] * common[c]
        table[-1, n_models + c] = total
        table[-1, c] -= step_length(total, learning_rate[c], _ONE) * common[c]


@njit
def _step_within(
    rows: SparseRows,
    used: UsedEntries,
    first: np.uint64,
    size: np.uint64,
    slopes: np.ndarray,
    table: np.ndarray,
    steps: np.ndarray,
    leeway: np.float32,
    rates: ModelRates,
) -> None:
    """Take the step of a row with a gradient of some model that is `beyond` those before it.

    Such rows are rare: models are treated one by one, those without such a gradient as in any row.
    """
    n_models = len(slopes)
    for c in range(n_models):
        rate, l1, l2 = rates.learning_rate[c], rates.l1[c], rates.l2[c]
        common, total = np.float32(slopes[c]), table[-1, n_models + c]
        clips = beyond(common * common, total, leeway)
        for i in range(size):  # an index that occurs twice has not moved yet
            x = rows.data[first + i] * used.uses[used.origins[first + i], c]
            before = table[np.uint64(rows.indices[first + i]), n_models + c]
            clips |= beyond((common * x) * (common * x), before, leeway)
        for i in range(size):
            x = rows.data[first + i] * used.uses[used.origins[first + i], c]
            if x == 0:
                continue
            j, step = np.uint64(rows.indices[first + i]), steps[i, c]
            w, own = table[j, c], table[j, n_models + c]
            if clips:
                gradient = within(slopes[c] * x, own, leeway)
                w, own = descend(w, own, gradient, rate, _ONE, l1, l2)
            else:
                gradient = common * x
                w, own = shrink(w - step * gradient, step, l1, l2), own + gradient * gradient
            table[j, c], table[j, n_models + c] = w, own
        gradient = within(slopes[c], total, leeway) if clips else common
        w, own = descend(table[-1, c], total, gradient, rate, _ONE, _ZERO, _ZERO)
        table[-1, c], table[-1, n_models + c] = w, own
