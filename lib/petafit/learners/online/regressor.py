"""Numeric labels for online estimators."""

from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions

from petafit.features.column_statistics import TableStatistics
from petafit.learners.arrays import diverged
from petafit.learners.base import Kind, Output
from petafit.learners.online.csr import UNWEIGHTED, SparseRows
from petafit.learners.online.estimator import Memory, OnlineEstimator
from petafit.learners.online.targets import NumberTarget, Target

_LOST = 1e12
"""Distance, in standard deviations of the labels, that a sound model's predictions never exceed for
half of the rows.
"""

_LOOKED_AT = 256
"""Number of margins examined at either end of a batch: their median is as good as that of all."""


class OnlineRegressor(RegressorMixin, OnlineEstimator):  # type: ignore[misc]
    """Adds numeric labels to an `OnlineEstimator`.

    Labels are standardised by mean and deviation of the rows of the first call of `fit` or
    `partial_fit`, so that steps and penalties mean the same whatever the label's unit; predictions
    are in that unit. See `petafit.learners.online.targets.NumberTarget.of`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,), float64
        In the label's unit; of its logarithm with the loss `poisson`.
    intercept_ : float
        In the same unit.
    target_ : NumberTarget
        The standardisation of labels.
    """

    kind: ClassVar[Kind] = "regressor"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **OnlineEstimator._parameter_constraints,
        "loss": [StrOptions({"squared", "quantile", "poisson"})],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    quantile: float
    target_: NumberTarget

    @property
    def output(self) -> Output:
        return "value"

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Take one step per row, in the order given.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Scales the rows' steps; 0 leaves a row out.
        """
        self._validate_params()
        first = not hasattr(self, "memory_")
        X, y, weight = self._validated(X, y, sample_weight, reset=first)
        if first:
            self._aim(y, weight)
        return self._learn_once(X, y, weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the value of every row, (n_samples,)."""
        margins = self._margins(X)
        return self.target_.decode(margins)

    @property
    def coef_(self) -> np.ndarray:
        return self._unit * self.weights_of(self.memory_)[:-1, 0].astype(np.float64)

    @property
    def intercept_(self) -> float:
        intercept = float(self.weights_of(self.memory_)[-1, 0])
        if self.loss == "poisson":
            return intercept + float(np.log(self.target_.scale))
        return intercept * self.target_.scale + self.target_.offset

    @property
    def _unit(self) -> float:
        """Return the change of a prediction, or of its logarithm, by a margin of 1."""
        return 1.0 if self.loss == "poisson" else self.target_.scale

    def target_of_statistics(self, statistics: TableStatistics) -> NumberTarget:
        if statistics.label is None:
            raise ValueError("A regressor needs the label's mean and deviation.")
        self._refuse_negative(statistics.label.minimum)
        return self._standardised(statistics.label.mean, statistics.label.sd)

    def update(
        self, rows: SparseRows, y: np.ndarray, weight: np.ndarray, memory: Memory, target: Target
    ) -> np.ndarray:
        """Update as `OnlineEstimator.update`, and refuse margins far from all labels.

        Steps are bounded, so a diverging learner stays finite for long. Margins are in units of the
        labels' standard deviation, and the median ignores single outliers.
        """
        margins = super().update(rows, y, weight, memory, target)
        for part in (margins[:_LOOKED_AT], margins[-_LOOKED_AT:]):
            if part.size and np.median(np.abs(part)) > _LOST:
                raise diverged(
                    type(self).__name__, "margins", "are out of proportion to the labels"
                )
        return margins

    def _aim(self, y: np.ndarray, weight: np.ndarray) -> None:
        counted = weight if weight.any() else np.ones(len(y))
        mean = np.average(y, weights=counted)
        sd = np.sqrt(np.average((y - mean) ** 2, weights=counted))
        self.target_ = self._standardised(float(mean), float(sd))

    def _standardised(self, mean: float, sd: float) -> NumberTarget:
        target = NumberTarget.of(self.loss, mean=mean, sd=sd)
        # Steps of factors are explicit, not implicit: they need losses of ordinary size.
        return target if self.linear == slice(None) else replace(target, unit=1.0)

    def _target(self, y: np.ndarray | None = None, weight: np.ndarray = UNWEIGHTED) -> NumberTarget:
        return self.target_

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        self._refuse_negative(y.min(initial=0))
        return y.astype(np.float64)

    def _refuse_negative(self, smallest: float) -> None:
        if self.loss == "poisson" and smallest < 0:
            raise ValueError(f"Labels of the loss poisson must not be negative; got {smallest}.")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
