"""Conversion of labels to the targets of a loss, and of margins to predictions.

Classes may have weights. Numbers are standardised, so that step sizes and penalties mean the
same whatever the label's unit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import numpy as np

from petafit.compiled import njit
from petafit.learners.online import losses

_HEAVIEST = 8.0
"""Upper limit of a class's weight."""


class Target(Protocol):
    """The label, as a loss takes it.

    Attributes
    ----------
    n_outputs : int
        Number of margins of a row.
    start : float
        The intercept before any row.
    unit : float
        Factor by which `weigh` multiplies all losses; per-row penalties must be scaled alike.
    """

    @property
    def unit(self) -> float: ...

    @property
    def n_outputs(self) -> int: ...

    @property
    def start(self) -> float: ...

    def no_rows(self) -> np.ndarray:
        """Return the initial value of the counts that `count` updates."""

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Convert labels to the kernels' targets, (n_rows,) float64."""

    def weigh(self, y: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Return the rows' weights times those of their classes; (0,) if all rows weigh 1."""

    def count(self, y: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Add the rows of a batch that have weight to `seen`."""

    def decode(self, margins: np.ndarray) -> np.ndarray:
        """Convert margins to predictions, as in `petafit.learners.base.Learner`."""


@dataclass(frozen=True)
class ClassTarget:
    """Classes, encoded as positions.

    Parameters
    ----------
    loss : {"log", "hinge"}
    n_classes : int
    class_weight : ndarray of shape (n_classes,), "balanced" or None
        With "balanced" a row's weight is multiplied by ``n / (n_classes n_c)``, n and n_c being
        the weights of the rows seen so far, in total and of its class, each class starting at
        one: a row of weight 3 counts as three rows do.

    Notes
    -----
    Only the ratios of the classes' weights matter, and a row of weight thousands would overshoot
    and reduce all later steps to almost nothing. So the heaviest class weighs 8 at most. Of 0.5, 1,
    2, 4, 8 and 32, with a class of one in 5,000 to 20,000, 8 was best.
    """

    loss: str
    n_classes: int
    class_weight: np.ndarray | Literal["balanced"] | None = None
    start = 0.0

    @property
    def n_outputs(self) -> int:
        return 1 if self.n_classes == 2 else self.n_classes

    @property
    def unit(self) -> float:
        if isinstance(self.class_weight, np.ndarray):
            return min(1.0, _HEAVIEST / max(float(self.class_weight.max()), 1.0))
        return 1.0

    def no_rows(self) -> np.ndarray:
        return np.zeros(self.n_classes)

    def encode(self, y: np.ndarray) -> np.ndarray:
        return y

    def weigh(self, y: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
        if self.class_weight is None:
            return weight
        if isinstance(self.class_weight, str):
            return _balanced(y, weight, seen)
        of_class = (self.unit * self.class_weight)[y.astype(np.intp)]
        return of_class * weight if weight.size else of_class

    def count(self, y: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
        return _count(y, weight, seen, by_weight=isinstance(self.class_weight, str))

    def decode(self, margins: np.ndarray) -> np.ndarray:
        return losses.predictions(self.loss, margins)


@dataclass(frozen=True)
class NumberTarget:
    """Numbers, standardised as ``(y - offset) / scale``.

    Parameters
    ----------
    loss : {"squared", "quantile", "poisson"}
    offset, scale : float
        In the label's unit.
    start : float
        The intercept before any row.
    unit : float
        Factor of a row's loss.
    """

    loss: str
    offset: float = 0.0
    scale: float = 1.0
    start: float = 0.0
    unit: float = 1.0
    n_outputs = 1

    @classmethod
    def of(cls, loss: str, *, mean: float, sd: float) -> Self:
        """Make the target for labels with this mean and population standard deviation.

        Poisson labels are divided by their mean if that is above 1; otherwise the intercept starts
        at its logarithm. If rates differ widely, dividing makes most rows' losses small, so losses
        are multiplied by ``unit``, which grows with the labels' variance beyond the mean
        (overdispersion). Other labels are scaled to mean 0 and deviation 1; a deviation of 0 is
        replaced by the mean's absolute value, or by 1.
        """
        if loss == "poisson":
            start = math.log(mean) if 0 < mean < 1 else 0.0
            scale = max(mean, 1.0)
            apart = max(sd**2 - mean, 0.0) / mean**2 if mean > 0 else 0.0
            return cls(loss, scale=scale, start=start, unit=min(1.0 + apart, scale))
        return cls(loss, offset=mean, scale=sd or abs(mean) or 1.0)

    def no_rows(self) -> np.ndarray:
        return np.zeros(1)

    def encode(self, y: np.ndarray) -> np.ndarray:
        return (y - self.offset) / self.scale

    def weigh(self, y: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
        if self.unit == 1.0:
            return weight
        return self.unit * weight if weight.size else np.full(len(y), self.unit)

    def count(self, y: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
        return seen + (np.count_nonzero(weight) if weight.size else len(y))

    def decode(self, margins: np.ndarray) -> np.ndarray:
        return losses.predictions(self.loss, margins) * self.scale + self.offset


def class_weights(
    given: Mapping[Any, float] | Literal["balanced"] | None,
    classes: Sequence[Any],
    counts: np.ndarray,
) -> np.ndarray | None:
    """Return a weight for each class: the given ones, by default 1; or ``n / (n_classes n_c)`` from
    counts.

    Raises
    ------
    ValueError
        A weight is negative, or its key is not a class.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return np.asarray(counts.sum() / (len(counts) * np.maximum(counts, 1.0)))
    unknown = given.keys() - {*classes}
    if unknown:
        raise ValueError(f"class_weight names {sorted(map(str, unknown))}, not among {classes}.")
    weights = np.array([given.get(c, 1.0) for c in classes], np.float64)
    if not (weights >= 0).all():
        raise ValueError(f"class_weight must not be negative; got {dict(given)}.")
    return weights


@njit
def _balanced(y: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return each row's weight times ``n / (n_classes n_c)``, counting it and all rows before."""
    counts = seen + 1.0
    total, n_classes = counts.sum(), len(counts)
    result = np.empty(len(y))
    for i in range(len(y)):
        own = weight[i] if len(weight) else 1.0
        c = int(y[i])
        counts[c] += own
        total += own
        heaviest = total / (n_classes * counts.min())
        unit = min(1.0, _HEAVIEST / heaviest)
        result[i] = unit * own * total / (n_classes * counts[c])
    return result


@njit
def _count(y: np.ndarray, weight: np.ndarray, seen: np.ndarray, by_weight: bool) -> np.ndarray:
    """The rows seen of each class, or their weights; rows of weight 0 do not count."""
    counts = seen.copy()
    for i in range(len(y)):
        own = weight[i] if len(weight) else 1.0
        counts[int(y[i])] += own if by_weight or own == 0 else 1.0
    return counts
