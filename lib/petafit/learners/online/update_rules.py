"""The step of one coordinate, compiled: kernels call these for every number they learn.

Two float32 numbers make a step. Under AdaGrad and plain SGD they are the weight w and the sum of
squared gradients G; under FTRL-proximal they are z and n, from which the weight follows.

One row can neither freeze a coordinate nor make it infinite, whatever its values: a gradient that
is `beyond` what came before it counts for no more than `within` lets it. Where all rows move a
coordinate so far, it gets there in a few of them, since the limit grows with every one.
"""

from typing import NamedTuple

import numpy as np

from petafit.compiled import njit

ADAGRAD, SGD, FTRL = range(3)

_ZERO, _ONE = np.float32(0), np.float32(1)

_MOST = np.float32(100)
"""A squared gradient counts for so many times 1 and the mean of all rows before it, at most."""

ORDINARY = 10.0
"""The root of `_MOST`: no gradient up to this is ever `beyond` what came before."""

_SHARE = 0.01
"""Or for this share of their sum, where that is more."""

_ROOM = np.float32(1e12)
_LARGEST = np.float32(1e24)
"""No squared gradient counts for more, so that their sums stay finite over any rows and shards."""


class Rates(NamedTuple):
    """What an optimizer's parameters tell a kernel.

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
        """Those for losses multiplied by `unit`: the penalties that single rows pay go with it.

        FTRL's belong to the sum over all rows.
        """
        if self.rule == FTRL or unit == 1:
            return self
        return self._replace(l1=np.float32(unit * self.l1), l2=np.float32(unit * self.l2))


@njit
def leeway_in_row(t: float) -> np.float32:
    """What the squared gradients before row `t`, from 1, add to what its own may be."""
    return np.float32(_MOST / t + _SHARE)


@njit
def beyond(square: np.float32, total: np.float32, leeway: np.float32) -> np.bool:
    """Whether a squared gradient is out of all proportion to the sum of those before it.

    Never a square up to 100, whatever came before.
    """
    return square > min(_MOST + leeway * total, _LARGEST)


@njit
def within(gradient: float, total: np.float32, leeway: np.float32) -> np.float32:
    """The gradient, or one that is just not `beyond` what came before."""
    limit = np.sqrt(min(_MOST + leeway * total, _LARGEST))
    return np.float32(max(-limit, min(gradient, limit)))


@njit
def tempered(x: np.float32, total: np.float32, curve: np.float32, leeway: np.float32) -> np.float32:
    """x, or one whose square is no more than 100 and its `leeway` of those before it.

    `total` is their sum, each times a row's curve as this row's is `curve`.
    """
    limit = np.sqrt(min(_MOST + leeway * total / curve, _ROOM))
    return np.float32(max(-limit, min(x, limit)))


@njit
def rate_in_row(rates: Rates, t: float) -> np.float32:
    """What scales all steps of row `t`, counted from 1."""
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
    """w and G after a gradient: a step against it, then the elastic net's proximal step.

    Composite mirror descent (Duchi, Hazan & Singer, JMLR 12, 2011, section 5.1).
    """
    total += gradient * gradient
    step = step_length(total, rate, adaptive)
    return shrink(w - step * gradient, step, l1, l2), total


@njit
def step_length(total: np.float32, rate: np.float32, adaptive: np.float32) -> np.float32:
    """``rate / sqrt(1 + adaptive G)``, G with the row's own gradient; the 1 bounds early steps."""
    length: np.float32 = rate / np.sqrt(_ONE + adaptive * total)
    return length


@njit
def shrink(w: np.float32, step: np.float32, l1: np.float32, l2: np.float32) -> np.float32:
    """The proximal step of the elastic net: ``sgn(w) max(0, |w| - step l1) / (1 + step l2)``."""
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
    """The weight that (z, n) stand for: 0 if ``|z| <= l1``, else shrunk towards 0 by l1.

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
    """z and n after a gradient at the weight w (McMahan et al., KDD 2013, algorithm 1)."""
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
    """As `ftrl_step`, where n gains something else than the squared gradient."""
    total = n + gained
    return z + gradient - ftrl_shrinkage(n, total, rate) * w, total


@njit
def ftrl_shrinkage(n: np.float32, total: np.float32, rate: np.float32) -> np.float32:
    """By how much of its weight z falls where n grows to `total`: sigma of the same algorithm."""
    sigma: np.float32 = (np.sqrt(total) - np.sqrt(n)) / rate
    return sigma
