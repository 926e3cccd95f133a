"""The few numbers by which candidate weights are multiplied, fitted on rows nobody learnt from."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from petafit.learners.base import MergeFit

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Of margins (n_rows, n_outputs): the mean loss, and its derivatives by the margins."""

_RIDGE = 1e-3
_RIDGE_ROWS = 20.0
_OWN_RIDGE_ROWS = 0.01
_SMALLEST = 1e-12
_LARGEST_SIZE = 100.0


def fit_multipliers(
    features: np.ndarray, loss: Loss, aim: np.ndarray, weight: np.ndarray
) -> MergeFit:
    """Minimise ``loss(features @ m) + sum_j r_j / 2 (m_j - aim_j)**2`` over m.

    The ridge ``r_j = (0.001 + 20 / n) mean(features_j**2) + 0.01 / n`` keeps a multiplier
    near its aim where the rows say little about it: rare features would otherwise be multiplied by
    what chance gives. The second term is for those that are small in the few rows that have them:
    a multiplier of thousands would do little to these rows, and ruin others. The variables are
    whitened by the features' own second moments, so that correlated candidates cost no iterations.
    Means are weighted as the loss is; n is how many rows of equal weight would tell as much,
    ``sum(weight)**2 / sum(weight**2)``.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_outputs, n_multipliers)
        What each multiplier scales, summed over a row.
    aim : ndarray of shape (n_multipliers,)
    weight : ndarray of shape (n_rows,)
        Of the rows in the loss.
    """
    rows, outputs, count = features.shape
    flat = features.reshape(rows * outputs, count)
    told = weight.sum() ** 2 / (weight @ weight)
    with threadpool_limits(1):  # the order of sums must not depend on the machine's cores
        moments = (_weighted(flat, weight, outputs).T @ flat).astype(np.float64) / len(flat)
        ridge = (_RIDGE + _RIDGE_ROWS / told) * np.diag(moments) + _OWN_RIDGE_ROWS / told
        used = np.flatnonzero(np.diag(moments) > _SMALLEST)
        white = cholesky(moments[np.ix_(used, used)] + np.diag(ridge[used]), lower=True)

        def objective(free: np.ndarray) -> tuple[float, np.ndarray]:
            step = np.zeros(count)
            step[used] = solve_triangular(white, free, lower=True, trans="T")
            value, slopes = loss((flat @ (aim + step).astype(flat.dtype)).reshape(rows, outputs))
            gradient = (flat.T @ slopes.ravel().astype(flat.dtype)).astype(np.float64)
            gradient = (gradient + ridge * step)[used]
            whole = value + 0.5 * float(ridge @ step**2)
            return whole, solve_triangular(white, gradient, lower=True)

        before = objective(np.zeros(len(used)))[0]
        found = minimize(objective, np.zeros(len(used)), jac=True, method="L-BFGS-B")
        multipliers = aim.astype(np.float64)
        multipliers[used] += solve_triangular(white, found.x, lower=True, trans="T")
        after = loss((flat @ multipliers.astype(flat.dtype)).reshape(rows, outputs))[0]
    return MergeFit(multipliers, before, after)


def _weighted(flat: np.ndarray, weight: np.ndarray, outputs: int) -> np.ndarray:
    """The features times their row's weight, in weights of mean 1; no copy where all are alike."""
    if np.ptp(weight) == 0:
        return flat
    shares = np.repeat(weight / weight.mean(), outputs)
    return np.asarray(flat * shares[:, None].astype(flat.dtype))


def fit_sizes(features: np.ndarray, loss: Loss) -> np.ndarray:
    """The m that minimise ``loss(features @ m)``, each from 0 to 100; all 1 where nothing helps.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_outputs, n_multipliers)
        Few, and not alike. What is 0 everywhere keeps its 1.
    """
    sizes = np.sqrt(np.mean(features.astype(np.float64) ** 2, axis=(0, 1)))
    used = np.flatnonzero(sizes)
    of_size_1 = features[..., used] / sizes[used]

    def objective(m: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = loss(of_size_1 @ m)
        return value, np.einsum("rc,rcm->m", slopes, of_size_1)

    limits = [(0.0, _LARGEST_SIZE * size) for size in sizes[used]]
    with threadpool_limits(1):
        found = minimize(objective, sizes[used], jac=True, bounds=limits, method="L-BFGS-B")
    fitted = np.ones(len(sizes))
    fitted[used] = found.x / sizes[used]
    return fitted if fitted[used].any() else np.ones(len(sizes))
