"""Losses of one row as functions of its margin: value, slope, and prediction.

Kernels take a loss by its integer code and branch on it once a row. The target of `LOG` and `HINGE`
is 0 or 1; that of `POISSON` is not negative.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from petafit.compiled import njit

LOG, HINGE, SQUARED, QUANTILE, POISSON = range(5)

CODES: Mapping[str, int] = {
    "log": LOG,
    "hinge": HINGE,
    "squared": SQUARED,
    "quantile": QUANTILE,
    "poisson": POISSON,
}
"""Integer code of each loss, by the name that estimators take."""

LARGEST_LOG_RATE = 30.0
"""Upper limit of the log of Poisson rates (a rate of e**30): squared slopes stay finite in float32.
"""


@njit
def value(loss: int, margin: float, target: float, quantile: float) -> float:
    """Return the loss of a margin.

    ``log(1 + exp(-s m))``, ``max(0, 1 - s m)`` with s = -1 or 1, ``(m - y)**2 / 2``,
    ``max(q (y - m), (q - 1) (y - m))`` with quantile q, and ``exp(m) - y m``.
    """
    if loss == LOG:
        return np.log1p(np.exp(-abs(margin))) + max(margin, 0.0) - target * margin
    if loss == HINGE:
        return max(0.0, 1 - (2 * target - 1) * margin)
    residual = target - margin
    if loss == SQUARED:
        return 0.5 * residual * residual
    if loss == QUANTILE:
        return max(quantile * residual, (quantile - 1) * residual)
    return np.exp(min(margin, LARGEST_LOG_RATE)) - target * margin


@njit
def slope(loss: int, margin: float, target: float, quantile: float) -> float:
    """Return the derivative of `value` by the margin; 0 at the kinks of `QUANTILE` and `HINGE`."""
    if loss == LOG:
        odds = np.exp(-abs(margin))
        return (1.0 if margin >= 0 else odds) / (1 + odds) - target
    if loss == HINGE:
        sign = 2 * target - 1
        return -sign if sign * margin < 1 else 0.0
    if loss == SQUARED:
        return margin - target
    if loss == QUANTILE:
        return -quantile * (target > margin) + (1 - quantile) * (target < margin)
    return np.exp(min(margin, LARGEST_LOG_RATE)) - target


_STEPS_OF_NEWTON = 30


@njit
def slope_after(margin: float, target: float, weight: float, reach: float) -> float:
    """Return the slope of `POISSON` at the margin reached by a step with this very slope.

    A rate of thousands has a slope of thousands: an explicit step overshoots the target by far, and
    the slope's square makes AdaGrad's later steps vanish. The implicit step never overshoots, at
    any length: ``s = exp(m - reach weight s) - y``, for a slope s, a margin m and a count y (Toulis
    and Airoldi: Asymptotic and finite-sample properties of estimators based on stochastic
    gradients. Annals of Statistics 45, 2017). For short steps it equals the explicit slope.

    Parameters
    ----------
    reach : float
        Change of the margin by a step with a slope of 1.
    """
    q = reach * weight
    start = min(margin, LARGEST_LOG_RATE)
    if q <= 0.0:
        return np.exp(start) - target
    # Newton's method for u + q exp(u) = m + q y, from the right of its only solution: it is convex.
    u = start if np.exp(start) > target else np.log(target)
    for _ in range(_STEPS_OF_NEWTON):
        rate = np.exp(u)
        change = (u - start + q * (rate - target)) / (1.0 + q * rate)
        u -= change
        if abs(change) < 1e-9 * (1.0 + abs(u)):
            break
    return np.exp(u) - target


def total(
    loss: str, margins: np.ndarray, target: np.ndarray, weight: np.ndarray, quantile: float
) -> tuple[float, np.ndarray]:
    """Return the weighted sum of the rows' losses, and its derivatives by their margins.

    Parameters
    ----------
    margins, target
        As in `of_rows`.
    weight : ndarray of shape (n_rows,)

    Returns
    -------
    float
    ndarray of shape (n_rows, n_outputs), float64
    """
    values, slopes = of_rows(loss, margins, target, quantile)
    return float(weight @ values), weight[:, None] * slopes


def of_rows(
    loss: str, margins: np.ndarray, target: np.ndarray, quantile: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compute each row's loss, and its derivatives by the row's margins.

    Parameters
    ----------
    margins : ndarray of shape (n_rows, n_outputs)
        One output for a number or for two classes; else one for each class, with the softmax loss
        for `log`, and the sum over classes of one-vs-rest losses for `hinge`.
    target : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows,), float64
    ndarray of shape (n_rows, n_outputs), float64
    """
    margins = margins.astype(np.float64)
    if margins.shape[1] == 1:
        values, slopes = _one_output(CODES[loss], margins[:, 0], target, quantile)
        return values, slopes[:, None]
    own = np.arange(len(margins)), target.astype(np.intp)
    if loss == "log":
        slopes = _softmax(margins)
        values = -np.log(np.maximum(slopes[own], np.finfo(np.float64).tiny))
        slopes[own] -= 1
        return values, slopes
    signs = np.full(margins.shape, -1.0)
    signs[own] = 1
    short = np.maximum(1 - signs * margins, 0)
    return short.sum(axis=1), np.where(short > 0, -signs, 0.0)


SMOOTH = ("log", "squared", "poisson")
"""Losses with a second derivative."""


def curvatures(loss: str, slopes: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Compute bounded second derivatives of each row's loss by its margins.

    At a confident but wrong margin the loss is nearly linear, and a Newton step with its curvature
    would overshoot by far. So the curvature is taken at a point between the margin and the target:
    ``min(1/4, max(p (1 - p), slope**2))`` for `log`, p being the predicted probability, doubled
    with several margins a row, to bound the mixed derivatives; 1 for `squared`; the larger of rate
    and target for `poisson`.

    Parameters
    ----------
    slopes, target : ndarray of shape (n_rows, n_outputs), (n_rows,)
        As in `of_rows`, of a `SMOOTH` loss.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), float64
    """
    if loss == "squared":
        return np.ones(slopes.shape)
    if loss == "poisson":
        return np.maximum(slopes, 0.0) + target[:, None]
    distance = np.abs(slopes)  # p or 1 - p
    found = np.minimum(0.25, np.maximum(distance * (1 - distance), np.square(slopes)))
    # diag(p) - p p' is bounded by twice its diagonal.
    return found if slopes.shape[1] == 1 else 2 * found


@njit
def _one_output(
    loss: int, margins: np.ndarray, target: np.ndarray, quantile: float
) -> tuple[np.ndarray, np.ndarray]:
    values, slopes = np.empty(len(margins)), np.empty(len(margins))
    for row in range(len(margins)):
        values[row] = value(loss, margins[row], target[row], quantile)
        slopes[row] = slope(loss, margins[row], target[row], quantile)
    return values, slopes


def predictions(loss: str, margins: np.ndarray) -> np.ndarray:
    """Convert margins to predictions: probabilities for `log`, rates for `poisson`, else the
    margins.

    Parameters
    ----------
    margins : ndarray of shape (n_rows,) or (n_rows, n_classes)

    Returns
    -------
    ndarray of the same shape, float64
        With one margin a row, `log` gives the probability of the second class; with one a class,
        those of all classes.
    """
    if loss == "log":
        return np.asarray(expit(margins)) if margins.ndim == 1 else _softmax(margins)
    if loss == "poisson":
        return np.asarray(np.exp(np.minimum(margins, LARGEST_LOG_RATE)))
    return margins


def _softmax(margins: np.ndarray) -> np.ndarray:
    """Compute the softmax, twice as fast as scipy's on rows of a few margins."""
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return odds
