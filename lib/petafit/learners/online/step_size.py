"""The step size that `learning_rate: auto` stands for, by trials on some rows.

AdaGrad's first step changes the margin of its own row by ``rate sum_j x_j**2 / sqrt(1 + x_j**2)``
where the loss's slope is 1. So rows of 64 standardised numbers need a rate 40 times shorter than
texts scaled to the length 1: as in normalised least mean squares (Nagumo & Noda, IEEE Transactions
on Automatic Control 12, 1967) and normalised adaptive gradients (Ross, Mineiro & Langford, UAI
2013), but with one number for all rows, so that learning costs nothing more. The change, the reach,
is doubled or halved as long as that helps, each in one pass over some rows. Rows of few numbers
begin with less, since there a single spoilt entry would change all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from petafit.compiled import njit
from petafit.errors import ConfigurationError
from petafit.learners.online import losses
from petafit.learners.online.csr import SparseRows, frozen
from petafit.learners.online.targets import Target

if TYPE_CHECKING:
    from petafit.learners.online.estimator import OnlineEstimator

MOST_ROWS = 1 << 14
"""Rows that trials are made on. On flights, clicks, texts, census and digits the rate that is best
on as many rows was 1 to 4 times the best on all."""

_FEWEST_ROWS = 1000
"""With fewer rows there are no trials."""

_HALVINGS, _DOUBLINGS = 4, 2
"""How far a rate may be from where the search begins."""

_GAIN = 0.001
"""Share of the loss without any model that another rate must gain. Where there is hardly any noise,
ever longer steps gain ever less, and a spoilt row does ever more harm."""

_LONGEST = 30.0
"""Rows whose first step is this multiple of the median row's are not tried: one huge value, to
which the learner itself pays little attention, must not decide."""

_USUAL = 0.99
"""Share of the rows, those of the least losses, that a rate is judged by, for the same reason."""

_WITHIN_ONE_DEVIATION = 0.683
"""Share of a normal distribution."""

_DIGITS = 3


def fitting_rate(
    estimator: "OnlineEstimator",
    rows: SparseRows,
    y: np.ndarray,
    weight: np.ndarray,
    target: Target,
) -> float:
    """Return the learning rate that learns best from some rows.

    They are taken in random order, the same for every rate. A rate is judged by the mean loss of
    the later half of the rows, each before it is learnt from.

    Parameters
    ----------
    y, weight : ndarray
        As in `OnlineEstimator.update`.
    """
    strides = _strides(rows, float(estimator.optimizer != "sgd"))
    usable = strides[(strides > 0) & np.isfinite(strides)]
    usual = float(np.median(usable)) if len(usable) else 1.0
    start = min(estimator.reach / usual, estimator.blind_rate / min(1, _usual_size(rows.data)))
    of_usual = np.flatnonzero(strides <= _LONGEST * usual)
    if len(of_usual) < _FEWEST_ROWS:
        return _rounded(start)
    order = np.random.default_rng(0).permutation(of_usual)[:MOST_ROWS]
    rows, n_features = _taken(rows, order)
    weight = weight[order] if weight.size else weight
    trials = _Trials(estimator, rows, n_features, y[order], weight, target)
    gain = _GAIN * trials.loss_without_model()
    doublings = _lowest(lambda number: trials.loss(_rounded(2.0**number * start)), gain)
    return _rounded(2.0**doublings * start)


def _lowest(loss: Callable[[int], float], gain: float) -> int:
    """Return where a loss is lowest, from 0 downhill as long as each step gains enough."""
    loss, at = cache(loss), 0
    step = -1 if loss(-1) <= loss(1) else 1
    while -_HALVINGS < at < _DOUBLINGS and loss(at + step) < loss(at) - gain:
        at += step
    return at


@dataclass(frozen=True)
class _Trials:
    """One pass over the same rows for each learning rate."""

    estimator: "OnlineEstimator"
    rows: SparseRows
    n_features: int
    y: np.ndarray
    weight: np.ndarray
    target: Target

    def loss(self, rate: float) -> float:
        """Return the mean loss of the later half of the rows; inf if the rate is far too large."""
        params = self.estimator.get_params() | {"learning_rate": rate, "random_state": 0}
        trial = type(self.estimator)(**params)
        memory = trial.begin(self.n_features, self.target)
        try:
            margins = trial.update(self.rows, self.y, self.weight, memory, self.target)
        except ConfigurationError:
            return np.inf
        return self._judged(margins.reshape(len(self.y), -1))

    def loss_without_model(self) -> float:
        """Return the mean loss of the margins before any row."""
        return self._judged(np.full((len(self.y), self.target.n_outputs), self.target.start))

    def _judged(self, margins: np.ndarray) -> float:
        later = slice(len(margins) // 2, None)
        y = self.target.encode(self.y[later])
        found, _ = losses.of_rows(self.estimator.loss, margins[later], y, self.estimator.quantile)
        weight = self.weight[later] if self.weight.size else np.ones(len(found))
        usual = (found <= np.quantile(found, _USUAL)) & (weight > 0)
        if not usual.any():
            return np.inf
        return float(np.average(found[usual], weights=weight[usual] / weight.max()))


def _usual_size(values: np.ndarray) -> float:
    """Return the size of entries, their deviation where they are normal; 1 without any."""
    sizes = np.abs(values[(values != 0) & np.isfinite(values)])
    return float(np.quantile(sizes, _WITHIN_ONE_DEVIATION)) if len(sizes) else 1.0


def _rounded(rate: float) -> float:
    """Round to what does not depend on the order of additions."""
    return float(f"{rate:.{_DIGITS}g}")


def _taken(rows: SparseRows, order: np.ndarray) -> tuple[SparseRows, int]:
    """Return rows in this order, with only the features that occur, numbered anew."""
    sizes = np.diff(rows.indptr)[order]
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    starts = np.repeat(rows.indptr[:-1][order] - indptr[:-1], sizes)
    at = starts + np.arange(indptr[-1])
    occurring, indices = np.unique(rows.indices[at], return_inverse=True)
    return SparseRows(
        frozen(indptr, np.int64), frozen(indices, np.int32), frozen(rows.data[at], np.float32)
    ), max(1, len(occurring))


@njit
def _strides(rows: SparseRows, adaptive: float) -> np.ndarray:
    """Return the change of each row's margin by its own first step, per unit of rate and slope."""
    indptr, _, data = rows
    strides = np.zeros(len(indptr) - 1)
    for row in range(len(strides)):
        for k in range(indptr[row], indptr[row + 1]):
            square = np.float64(data[k]) * np.float64(data[k])
            strides[row] += square / np.sqrt(1 + adaptive * square)
    return strides
