"""Update rules of one coordinate, compiled: kernels call these for every number they learn.

The state is two float32 numbers. For AdaGrad and plain SGD they are the weight w and the sum of
squared gradients G; for FTRL-proximal they are z and n, from which the weight is derived.

No single row can freeze a coordinate or make it infinite, whatever its values: a gradient that is
`beyond` those before it is clipped by `within`. If all rows have such gradients, a coordinate
reaches its place within a few rows, since the limit grows with each of them.
"""

from typing import NamedTuple

import numpy as np

from petafit.compiled import njit

ADAGRAD, SGD, FTRL = range(3)

_ZERO, _ONE = np.float32(0), np.float32(1)

_MOST = np.float32(100)
"""A squared gradient is limited to this multiple of (1 + the mean of all rows before it)."""

ORDINARY = 10.0
"""The root of `_MOST`: no gradient up to this size is ever `beyond`."""

_SHARE = 0.01
"""Or to this share of their sum, if that is more."""

_ROOM = np.float32(1e12)
_LARGEST = np.float32(1e24)
"""Upper limit of a squared gradient, so that sums stay finite over any number of rows and shards.
"""


class Rates(NamedTuple):
    """An optimizer's parameters, for kernels.

    Attributes
    ----------
    rule : int
        `ADAGRAD`, `SGD` or `FTRL`.
    adaptive : float32
        1 for AdaGrad; 0 for plain SGD, which keeps G as a record only.
    learning_rate, beta, l1, l2 : float32
    power_t : float
        SGD's step in row t, from 1, is ``learning_rate / t**power_t``; 0 for the others.
    """

    rule: int
    adaptive: np.float32
    learning_rate: np.float32
    beta: np.float32
    l1: np.float32
    l2: np.float32
    power_t: float

    def in_unit(self, unit: float) -> "Rates":
        """Return the rates for losses multiplied by `unit`, with per-row penalties scaled alike.

        FTRL's penalties belong to the sum over all rows, and stay.
        """
        if self.rule == FTRL or unit == 1:
            return self
        return self._replace(l1=np.float32(unit * self.l1), l2=np.float32(unit * self.l2))


@njit
def leeway_in_row(t: float) -> np.float32:
    """Return the share of earlier squared gradients that row `t`, from 1, may add."""
    return np.float32(_MOST / t + _SHARE)


@njit
def beyond(square: np.float32, total: np.float32, leeway: np.float32) -> np.bool_:
    """Return whether a squared gradient is out of proportion to the sum of those before it.

    A square up to 100 never is.
    """
    return square > min(_MOST + leeway * total, _LARGEST)


@njit
def within(gradient: float, total: np.float32, leeway: np.float32) -> np.float32:
    """Clip a gradient so that it is just not `beyond` those before it."""
    limit = np.sqrt(min(_MOST + leeway * total, _LARGEST))
    return np.float32(max(-limit, min(gradient, limit)))


@njit
def tempered(x: np.float32, total: np.float32, curve: np.float32, leeway: np.float32) -> np.float32:
    """Clip x so that its square is at most 100 plus its `leeway` of those before it.

    `total` is the sum of the earlier squares, each times its row's curve; `curve` is this row's.
    """
    limit = np.sqrt(min(_MOST + leeway * total / curve, _ROOM))
    return np.float32(max(-limit, min(x, limit)))


@njit
def rate_in_row(rates: Rates, t: float) -> np.float32:
    """Return the factor of all steps of row `t`, counted from 1."""
    if rates.power_t == 0:
        return rates.learning_rate
    return np.float32(rates.learning_rate * t**-rates.power_t)


@njit
def descend(
    w: np.float32,
    total: np.float32,
    gradient: np.float32,
    rate: np.float32,
    adaptive: np.float32,
    l1: np.float32,
    l2: np.float32,
) -> tuple[np.float32, np.float32]:
    """Update w and G with a gradient: a descent step, then the elastic net's proximal step.

    Composite mirror descent (Duchi, Hazan & Singer, JMLR 12, 2011, section 5.1).
    """
    total += gradient * gradient
    step = step_length(total, rate, adaptive)
    return shrink(w - step * gradient, step, l1, l2), total


@njit
def step_length(total: np.float32, rate: np.float32, adaptive: np.float32) -> np.float32:
    """Return ``rate / sqrt(1 + adaptive G)``, G including the row's gradient; the 1 bounds early
    steps.
    """
    length: np.float32 = rate / np.sqrt(_ONE + adaptive * total)
    return length


@njit
def shrink(w: np.float32, step: np.float32, l1: np.float32, l2: np.float32) -> np.float32:
    """Apply the elastic net's proximal step: ``sgn(w) max(0, |w| - step l1) / (1 + step l2)``."""
    if l1 == 0 and l2 == 0:
        return w
    shrunk: np.float32 = np.copysign(max(_ZERO, abs(w) - step * l1) / (_ONE + step * l2), w)
    return shrunk


@njit
def ftrl_weight(
    z: np.float32,
    n: np.float32,
    rate: np.float32,
    beta: np.float32,
    l1: np.float32,
    l2: np.float32,
) -> np.float32:
    """Return the weight represented by (z, n): 0 if ``|z| <= l1``, else shrunk towards 0 by l1.

    McMahan et al., KDD 2013, algorithm 1.
    """
    if abs(z) <= l1:
        return _ZERO
    weight: np.float32 = (np.copysign(l1, z) - z) / ((beta + np.sqrt(n)) / rate + l2)
    return weight


@njit
def ftrl_step(
    z: np.float32, n: np.float32, w: np.float32, gradient: np.float32, rate: np.float32
) -> tuple[np.float32, np.float32]:
    """Update z and n with a gradient at the weight w (McMahan et al., KDD 2013, algorithm 1)."""
    return ftrl_step_of(z, n, w, gradient, gradient * gradient, rate)


@njit
def ftrl_step_of(
    z: np.float32,
    n: np.float32,
    w: np.float32,
    gradient: np.float32,
    gained: np.float32,
    rate: np.float32,
) -> tuple[np.float32, np.float32]:
    """Update as `ftrl_step`, with a given increase of n instead of the squared gradient."""
    total = n + gained
    return z + gradient - ftrl_shrinkage(n, total, rate) * w, total


@njit
def ftrl_shrinkage(n: np.float32, total: np.float32, rate: np.float32) -> np.float32:
    """Return the multiple of the weight by which z falls as n grows to `total`: sigma in algorithm
    1.
    """
    sigma: np.float32 = (np.sqrt(total) - np.sqrt(n)) / rate
    return sigma
