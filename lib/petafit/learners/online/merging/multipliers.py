"""Fit of the few multipliers of candidate weights on the merge holdout."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from petafit.learners.base import MergeFit

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Function of margins (n_rows, n_outputs): returns the mean loss, and its derivatives by the
margins.
"""

_RIDGE = 1e-3
_RIDGE_ROWS = 20.0
_OWN_RIDGE_ROWS = 0.01
_SMALLEST = 1e-12
_LARGEST_SIZE = 100.0


def fit_multipliers(
    features: np.ndarray, loss: Loss, aim: np.ndarray, weight: np.ndarray
) -> MergeFit:
    """Minimise ``loss(F m) + sum_j r_j / 2 (m_j - aim_j)**2`` over the multipliers m.

    F is `features`: multiplier j adds ``F[i, o, j] m_j`` to output o's margin of row i. The ridge
    is ``r_j = (0.001 + 20 / n) M_jj + 0.01 / n``, with the features' second moments ``M = mean over
    i and o of s_i F[i, o] F[i, o]'``, (n_multipliers, n_multipliers), the rows' weights s_i scaled
    to mean 1, and the effective number of rows ``n = sum(s)**2 / sum(s**2)``.

    Derivation: a ridge proportional to M_jj is independent of a feature's scale. It keeps a
    multiplier near its aim where few rows determine it; otherwise a rare feature would get a
    multiplier fitted to noise. The term ``0.01 / n`` is for features that are small in the few rows
    that have them: a multiplier of thousands would change these rows little, and ruin others. The
    variables are whitened, ``m = aim + C'^-1 u`` with the Cholesky factor ``C C' = M + diag(r)``,
    so that correlated candidates cost no iterations: for a squared loss of one output the Hessian
    by u is the identity. Multipliers with ``M_jj = 0`` (below 1e-12) stay at their aim.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_outputs, n_multipliers)
        The quantity that each multiplier scales, summed over a row.
    aim : ndarray of shape (n_multipliers,)
    weight : ndarray of shape (n_rows,)
        The rows' weights in the loss.
    """
    rows, outputs, count = features.shape
    flat = features.reshape(rows * outputs, count)
    effective = weight.sum() ** 2 / (weight @ weight)
    with threadpool_limits(1):  # the order of sums must not depend on the machine's cores
        moments = (_weighted(flat, weight, outputs).T @ flat).astype(np.float64) / len(flat)
        ridge = (_RIDGE + _RIDGE_ROWS / effective) * np.diag(moments) + _OWN_RIDGE_ROWS / effective
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
    """Multiply the features by their row's weight, scaled to mean 1; no copy if all weights are
    equal.
    """
    if np.ptp(weight) == 0:
        return flat
    shares = np.repeat(weight / weight.mean(), outputs)
    return np.asarray(flat * shares[:, None].astype(flat.dtype))


def fit_sizes(features: np.ndarray, loss: Loss) -> np.ndarray:
    """Minimise ``loss(features @ m)`` over m, each from 0 to 100; all 1 if the minimum is at 0.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_outputs, n_multipliers)
        Few, and not collinear. A feature that is 0 everywhere keeps its 1.
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
