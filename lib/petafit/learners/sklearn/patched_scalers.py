"""scikit-learn's scalers corrected for batches in which a column has no values.

NaN means a missing value. scikit-learn ignores it in a batch that has other values in the column;
after a batch that has none, the column's statistics become NaN and stay so.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from petafit.learners.sklearn.merging.extremes import update_magnitude, update_range
from petafit.learners.sklearn.merging.moments import update_scale


class SteadyRange(MinMaxScaler):  # type: ignore[misc]
    """MinMaxScaler that tolerates batches without values in a column."""

    data_min_: np.ndarray
    data_max_: np.ndarray

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from more rows; y is ignored."""
        least, largest = vars(self).get("data_min_"), vars(self).get("data_max_")
        if least is not None and largest is not None:
            self.data_min_ = np.where(np.isnan(least), np.inf, least)
            self.data_max_ = np.where(np.isnan(largest), -np.inf, largest)
        with _columns_without_values():
            super().partial_fit(X, y)
        if least is not None and largest is not None:
            self.data_min_ = np.fmin(least, self.data_min_)
            self.data_max_ = np.fmax(largest, self.data_max_)
            update_range(self)
        return self


class SteadyMagnitude(MaxAbsScaler):  # type: ignore[misc]
    """MaxAbsScaler that tolerates batches without values in a column."""

    max_abs_: np.ndarray

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from more rows; y is ignored."""
        largest = vars(self).get("max_abs_")
        if largest is not None:
            self.max_abs_ = np.nan_to_num(largest, nan=0.0)
        with _columns_without_values():
            super().partial_fit(X, y)
        if largest is not None:
            self.max_abs_ = np.fmax(largest, self.max_abs_)
            update_magnitude(self)
        return self


class SteadyScaler(StandardScaler):  # type: ignore[misc]
    """StandardScaler whose variances are never below 0, nor lost to a column without values.

    With weights, scikit-learn may give a constant column a rounding error of either sign as
    variance, and the root of a negative one as scale. A column without values so far has mean and
    variance 0.
    """

    mean_: np.ndarray | None
    var_: np.ndarray | None

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows; y is ignored."""
        before = {name: vars(self).get(name) for name in ("mean_", "var_")}
        seen = vars(self).get("n_samples_seen_", 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            super().partial_fit(X, y, sample_weight)
        still = np.broadcast_to(self.n_samples_seen_ == seen, self.n_features_in_)
        if still.any():
            for name, old in before.items():
                if vars(self)[name] is not None:
                    kept = 0.0 if old is None else old
                    setattr(self, name, np.where(still, kept, vars(self)[name]))
        if self.var_ is not None and (still.any() or (self.var_ < 0).any()):
            self.var_ = np.maximum(self.var_, 0)
            update_scale(self)
        return self


@contextmanager
def _columns_without_values() -> Iterator[None]:
    """Suppress numpy's warning about columns without values."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        yield
