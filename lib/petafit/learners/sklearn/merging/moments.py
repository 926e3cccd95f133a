"""Means and variances: shards merge exactly, by the pairwise update of Chan, Golub and LeVeque."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from petafit.store.arrays import StateDict


@dataclass(frozen=True, slots=True)
class SklearnMoments:
    """Weight, means and variances of some rows; the shapes broadcast.

    Uncentred sums of squares would lose every digit of a variance that is small relative to its
    mean; centred ones do not.

    Attributes
    ----------
    weight, mean, variance : ndarray
        The variance is that of the population.
    """

    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, weight: np.ndarray | None = None) -> Self:
        """Compute the moments of X's columns; without weights every row weighs 1."""
        if weight is None:
            return cls(np.array(len(X), np.float64), X.mean(axis=0), X.var(axis=0))
        mean = np.average(X, axis=0, weights=weight)
        variance = np.average((X - mean) ** 2, axis=0, weights=weight)
        return cls(np.array(weight.sum(), np.float64), mean, variance)

    def merged(self, other: Self) -> Self:
        """Merge by eq. 2.1 of Chan, Golub and LeVeque (1979); an empty side is ignored."""
        weight = self.weight + other.weight
        share = other.weight / np.where(weight, weight, 1)
        distance = other.mean - self.mean
        spread = distance**2 * share * (1 - share)
        sides = np.broadcast_arrays(other.weight == 0, self.weight == 0, distance)[:2]
        return type(self)(
            weight,
            np.select(sides, [self.mean, other.mean], self.mean + distance * share),
            np.select(
                sides,
                [self.variance, other.variance],
                self.variance * (1 - share) + other.variance * share + spread,
            ),
        )

    def without(self, other: Self) -> Self:
        """Return the moments that, merged with `other`, give these."""
        weight = self.weight - other.weight
        share = other.weight / np.where(weight > 0, weight, 1)
        distance = self.mean - other.mean
        mean = self.mean + distance * share
        variance = self.variance + (self.variance - other.variance) * share
        variance = np.maximum(variance - distance**2 * share * (1 + share), 0)
        empty, mean, variance = np.broadcast_arrays(weight <= 0, mean, variance)
        return type(self)(weight, np.where(empty, 0, mean), np.where(empty, 0, variance))

    def start_once(self, start: Self, shards: int) -> Self:
        """Correct the moments of shards that each include `start`, so that it counts once."""
        return self.without(type(self)((shards - 1) * start.weight, start.mean, start.variance))

    def to_state_dict(self) -> StateDict:
        arrays = {"weight": self.weight, "mean": self.mean, "variance": self.variance}
        return StateDict({name: np.asarray(array) for name, array in arrays.items()})

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        return cls(*(named.arrays[name] for name in ("weight", "mean", "variance")))
