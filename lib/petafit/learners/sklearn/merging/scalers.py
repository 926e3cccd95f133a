"""Scalers: the extremes of columns merge bit for bit, means and variances by Chan's update."""

from typing import Any

import numpy as np
from sklearn.preprocessing._data import _handle_zeros_in_scale, _is_constant_feature

from petafit.learners.sklearn.merging.moments import SklearnMoments
from petafit.learners.sklearn.merging.rule import MergeRule
from petafit.store.arrays import StateDict


class MinMax(MergeRule):
    """Merges MinMaxScaler; NaN is ignored."""

    exact = True
    forget = ("data_min_", "data_max_", "data_range_", "scale_", "min_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        arrays = {"least": estimator.data_min_, "largest": estimator.data_max_}
        return StateDict(arrays, {"rows": int(estimator.n_samples_seen_)})

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        arrays = {
            "least": np.fmin(left.arrays["least"], right.arrays["least"]),
            "largest": np.fmax(left.arrays["largest"], right.arrays["largest"]),
        }
        return StateDict(arrays, {"rows": left.params["rows"] + right.params["rows"]})

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        estimator.n_samples_seen_ = _rows(parts, start, shards)
        estimator.data_min_, estimator.data_max_ = parts.arrays["least"], parts.arrays["largest"]
        update_range(estimator)


class Magnitude(MergeRule):
    """Merges MaxAbsScaler; NaN is ignored."""

    exact = True
    forget = ("max_abs_", "scale_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        return StateDict({"largest": estimator.max_abs_}, {"rows": int(estimator.n_samples_seen_)})

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        largest = np.fmax(left.arrays["largest"], right.arrays["largest"])
        return StateDict({"largest": largest}, {"rows": left.params["rows"] + right.params["rows"]})

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        estimator.n_samples_seen_ = _rows(parts, start, shards)
        estimator.max_abs_ = parts.arrays["largest"]
        update_magnitude(estimator)


def update_range(scaler: Any) -> None:
    """Update the attributes derived from the extremes, as MinMaxScaler's `partial_fit` does."""
    low, high = np.asarray(scaler.feature_range, scaler.data_min_.dtype)
    scaler.data_range_ = scaler.data_max_ - scaler.data_min_
    scaler.scale_ = (high - low) / _handle_zeros_in_scale(scaler.data_range_, copy=True)
    scaler.min_ = low - scaler.data_min_ * scaler.scale_


def update_magnitude(scaler: Any) -> None:
    """Update the attributes derived from the maximum, as MaxAbsScaler's `partial_fit` does."""
    scaler.scale_ = _handle_zeros_in_scale(scaler.max_abs_, copy=True)


def _rows(parts: StateDict, start: Any | None, shards: int) -> int:
    """Return the number of rows seen, counting once those of the common start."""
    before = int(start.n_samples_seen_) if start is not None else 0
    return int(parts.params["rows"]) - (shards - 1) * before


class ScalerMoments(MergeRule):
    """Merges StandardScaler; without `with_mean` and `with_std` it only counts."""

    exact = True
    subtractable = True
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
