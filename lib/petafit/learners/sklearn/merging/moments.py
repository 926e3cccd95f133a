"""Means and variances: shards merge exactly, by the pairwise update of Chan, Golub and LeVeque."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.preprocessing._data import _handle_zeros_in_scale, _is_constant_feature

from petafit.learners.sklearn.merging.rule import MergeRule
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


class ScalerMoments(MergeRule):
    """Merges StandardScaler; without `with_mean` and `with_std` it only counts."""

    exact = True
    subtractable = True
    how = "exact: means and variances merge by Chan's update"
    forget = ("n_samples_seen_", "mean_", "var_", "scale_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        return self._moments(estimator).to_state_dict()

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        return (
            SklearnMoments.from_state_dict(left)
            .merged(SklearnMoments.from_state_dict(right))
            .to_state_dict()
        )

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        return (
            SklearnMoments.from_state_dict(total)
            .without(SklearnMoments.from_state_dict(part))
            .to_state_dict()
        )

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        moments = SklearnMoments.from_state_dict(parts)
        if start is not None:
            moments = moments.start_once(self._moments(start), shards)
        rows, mean, variance = moments.weight, moments.mean, moments.variance
        estimator.n_samples_seen_ = rows[0] if np.ptp(rows) == 0 else rows
        estimator.mean_ = mean if estimator.with_mean or estimator.with_std else None
        estimator.var_ = estimator.scale_ = None
        if estimator.with_std:
            estimator.var_ = variance
            update_scale(estimator)

    @staticmethod
    def _moments(scaler: Any) -> SklearnMoments:
        nothing = np.zeros(scaler.n_features_in_)
        return SklearnMoments(
            np.broadcast_to(scaler.n_samples_seen_, nothing.shape).copy(),
            nothing if scaler.mean_ is None else scaler.mean_,
            nothing if scaler.var_ is None else scaler.var_,
        )


def update_scale(scaler: Any) -> None:
    """Update the scale derived from the moments, as StandardScaler's `partial_fit` does."""
    constant = _is_constant_feature(scaler.var_, scaler.mean_, scaler.n_samples_seen_)
    scaler.scale_ = _handle_zeros_in_scale(np.sqrt(scaler.var_), copy=False, constant_mask=constant)


class BayesMoments(MergeRule):
    """Gaussian naive Bayes: the moments of each class, and those of all rows for the smoothing."""

    exact = True
    subtractable = True
    how = "exact: means and variances of the classes merge by Chan's update"
    forget = ("class_count_", "theta_", "var_", "raw_var_", "all_rows_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        classes, rows = self._moments(estimator)
        return classes.to_state_dict().prefixed("classes") | rows.to_state_dict().prefixed("rows")

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        return _each(SklearnMoments.merged, left, right)

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        return _each(SklearnMoments.without, total, part)

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        classes, rows = (
            SklearnMoments.from_state_dict(parts.part(name)) for name in ("classes", "rows")
        )
        if start is not None:
            of_classes, of_rows = self._moments(start)
            classes = classes.start_once(of_classes, shards)
            rows = rows.start_once(of_rows, shards)
        estimator.class_count_ = classes.weight[:, 0]
        estimator.theta_, estimator.raw_var_ = classes.mean, classes.variance
        estimator.all_rows_ = rows.to_state_dict().arrays
        estimator.smooth()

    @staticmethod
    def _moments(bayes: Any) -> tuple[SklearnMoments, SklearnMoments]:
        weight = bayes.class_count_[:, None]
        return SklearnMoments(weight, bayes.theta_, bayes.raw_var_), SklearnMoments(
            **bayes.all_rows_
        )


def _each(combine: Any, left: StateDict, right: StateDict) -> StateDict:
    combined = StateDict()
    for name in ("classes", "rows"):
        one, other = (SklearnMoments.from_state_dict(side.part(name)) for side in (left, right))
        combined = combined | combine(one, other).to_state_dict().prefixed(name)
    return combined
