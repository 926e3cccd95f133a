"""scikit-learn classes corrected so that fitting in batches does not depend on the batches.

For scalers NaN means a missing value. scikit-learn ignores it in a batch that has other values in
the column; after a batch that has none, the column's statistics become NaN and stay so.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Self

import numpy as np
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.utils import check_random_state

from petafit.learners.sklearn.merging.moments import SklearnMoments
from petafit.learners.sklearn.merging.scalers import update_magnitude, update_range, update_scale


class IncrementalGaussianNB(GaussianNB):  # type: ignore[misc]
    """GaussianNB whose `partial_fit` ends with the same result as `fit` on all rows.

    scikit-learn smooths by the largest variance of the last batch, and subtracts a new batch's
    smoothing before it updates the old variances. Here the variances are kept unsmoothed, and
    smoothed by the largest variance of all rows.

    Attributes
    ----------
    raw_var_ : ndarray of shape (n_classes, n_features)
        Variances of the classes, without smoothing.
    all_rows_ : dict of str to ndarray
        Moments of all rows; weighted, although `fit` does not weight these: a row of weight n must
        be equivalent to n rows.
    """

    var_smoothing: float
    raw_var_: np.ndarray
    all_rows_: dict[str, np.ndarray]

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows; the arguments are those of scikit-learn's."""
        if hasattr(self, "raw_var_"):
            self.var_ = self.raw_var_
        smoothing, self.var_smoothing = self.var_smoothing, 0.0
        try:
            super().partial_fit(X, y, classes, sample_weight)
        finally:
            self.var_smoothing = smoothing
        rows = SklearnMoments.of(np.asarray(X, np.float64), sample_weight)
        if hasattr(self, "all_rows_"):
            rows = SklearnMoments(**self.all_rows_).merged(rows)
        self.raw_var_, self.all_rows_ = self.var_, {**rows.to_state_dict().arrays}
        self.smooth()
        return self

    def smooth(self) -> None:
        """Update the attributes derived from the moments."""
        self.epsilon_ = self.var_smoothing * self.all_rows_["variance"].max()
        self.var_ = self.raw_var_ + self.epsilon_
        if self.priors is None:
            self.class_prior_ = self.class_count_ / self.class_count_.sum()


class SeededDictionaryLearning(MiniBatchDictionaryLearning):  # type: ignore[misc]
    """MiniBatchDictionaryLearning whose initial atoms depend on the seed alone.

    scikit-learn starts from the singular vectors of the first batch, which differ between shards,
    also in sign and order. Here the atoms are random directions, unless `dict_init` is given.
    """

    def _initialize_dict(self, X: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        if self.dict_init is not None:
            return super()._initialize_dict(X, random_state)
        shape = (self._n_components, X.shape[1])
        atoms = check_random_state(self.random_state).normal(size=shape)
        if self.positive_dict:
            atoms = np.abs(atoms)
        atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
        return np.asfortranarray(atoms, X.dtype)


class SteppedRBM(BernoulliRBM):  # type: ignore[misc]
    """BernoulliRBM whose `partial_fit` takes steps of about `batch_size` rows, as its `fit` does.

    scikit-learn takes one step for all rows of a call, and contrasts them with `batch_size` samples
    of the model: with more rows than samples the weights diverge.
    """

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from more rows; y is ignored."""
        steps = -(-X.shape[0] // self.batch_size)
        for begin, end in pairwise(np.linspace(0, X.shape[0], steps + 1, dtype=np.intp)):
            super().partial_fit(X[begin:end])
        return self


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


REPAIRED: Mapping[str, type[Any]] = {
    "BernoulliRBM": SteppedRBM,
    "GaussianNB": IncrementalGaussianNB,
    "MaxAbsScaler": SteadyMagnitude,
    "MinMaxScaler": SteadyRange,
    "MiniBatchDictionaryLearning": SeededDictionaryLearning,
    "StandardScaler": SteadyScaler,
}
"""Replacements of scikit-learn classes, by the original's name."""

SHARED_START: Mapping[str, Mapping[str, Any]] = {"MiniBatchNMF": {"init": "random"}}
"""Default parameters with which all shards start alike."""
