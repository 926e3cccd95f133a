"""Base class of petafit's online estimators: parameters, passes over the data, and memory."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from petafit.features.column_statistics import TableStatistics
from petafit.learners.arrays import diverged
from petafit.learners.base import Kind, Output
from petafit.learners.online.csr import UNWEIGHTED, SparseRows, as_rows, frozen
from petafit.learners.online.merging.rules import WeightRule, find_rule
from petafit.learners.online.optimizers import Optimizer, make_optimizer
from petafit.learners.online.step_size import fitting_rate
from petafit.learners.online.targets import Target
from petafit.learners.online.weight_table import CoordinateTable


@dataclass
class Memory:
    """The mutable state of learning.

    Attributes
    ----------
    table : CoordinateTable
        The optimizer's state of every coordinate.
    seen : ndarray of float64, shape (n_classes,) or (1,)
        Number of rows learnt from, by class for a classifier.
    """

    table: CoordinateTable
    seen: np.ndarray


class OnlineEstimator(BaseEstimator, ABC):  # type: ignore[misc]
    """A scikit-learn estimator that takes one step per row.

    Its learning state is a `Memory`, not the estimator itself, so that
    `petafit.learners.online.aggregator.OnlineLearner` drives the same methods shard by shard. A
    kind of model adds `learn` and `margins`; `petafit.learners.online.classifier` and
    `petafit.learners.online.regressor` add the label.

    Attributes
    ----------
    kind : {"classifier", "regressor"}
    output : {"probability", "margin", "value"}
        Meaning of its predictions.
    linear : slice
        Columns of a coordinate's weights that enter margins linearly.
    shares_squares : bool
        All weights of a coordinate share one sum of squared gradients.
    reach : float
        Where the search for a learning rate begins: the change of a row's margin by its own first
        step, per unit of slope.
    blind_rate : float
        The learning rate where no row is known; the search begins with no more, per usual entry.
    """

    kind: ClassVar[Kind]
    linear: ClassVar[slice] = slice(None)
    shares_squares: ClassVar[bool] = True
    reach: ClassVar[float] = 1.5
    blind_rate: ClassVar[float] = 0.1
    quantile: float = 0.5

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "optimizer": [StrOptions({"adagrad", "ftrl", "sgd"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "l1": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
    }

    loss: str
    optimizer: str
    learning_rate: float | Literal["auto"]
    power_t: float
    beta: float
    l1: float
    l2: float
    max_iter: int
    shuffle: bool
    random_state: int | np.random.RandomState | None

    @property
    @abstractmethod
    def output(self) -> Output: ...

    def width(self, target: Target) -> int:
        """Return the number of weights per coordinate."""
        return target.n_outputs

    def first_weights(self, n_features: int, target: Target) -> np.ndarray:
        """Return the initial weights, (n_features + 1, width) float32, the intercept last."""
        weights = np.zeros((n_features + 1, target.n_outputs), np.float32)
        weights[-1] = target.start
        return weights

    @abstractmethod
    def learn(
        self,
        rows: SparseRows,
        target: np.ndarray,
        weight: np.ndarray,
        memory: Memory,
        unit: float = 1.0,
    ) -> np.ndarray:
        """Take one step per row, updating ``memory.table``; return each row's margins before its
        step.

        Parameters
        ----------
        target : ndarray of shape (n_rows,)
            From `Target.encode`.
        weight : ndarray of shape (n_rows,) or (0,)
            Scales a row's gradient; a row of weight 0 leaves no trace. Empty: all 1.
        unit : float
            Factor by which all weights were multiplied; per-row penalties are scaled alike.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
        """

    @abstractmethod
    def margins(self, rows: SparseRows, weights: np.ndarray) -> np.ndarray:
        """Compute the margins of rows, as `learn` returns them, with weights from `weights_of`."""

    @abstractmethod
    def target_of_statistics(self, statistics: TableStatistics) -> Target:
        """Return the target that follows from the whole training table.

        Raises
        ------
        ValueError
            The label does not suit the estimator.
        """

    @abstractmethod
    def _aim(self, y: np.ndarray, weight: np.ndarray) -> None:
        """Set the fitted attributes that describe the labels."""

    @abstractmethod
    def _target(self, y: np.ndarray | None = None, weight: np.ndarray = UNWEIGHTED) -> Target:
        """Return the fitted target; `y` holds all encoded rows if they are known, as in `fit`."""

    @abstractmethod
    def _numbers(self, y: np.ndarray) -> np.ndarray:
        """Convert labels to float64: the positions of their classes, or the numbers themselves."""

    def rules(self) -> Optimizer:
        """Make the optimizer described by the parameters."""
        rate = self.learning_rate
        if rate == "auto":
            rate = float(getattr(self, "learning_rate_", self.blind_rate))
        return make_optimizer(
            self.optimizer,
            learning_rate=rate,
            power_t=self.power_t,
            beta=self.beta,
            l1=self.l1,
            l2=self.l2,
        )

    def rate_on(self, rows: SparseRows, y: np.ndarray, weight: np.ndarray, target: Target) -> float:
        """Return the learning rate; one that fits these rows, as in `update`, for ``auto``."""
        if self.learning_rate != "auto":
            return self.learning_rate
        return fitting_rate(self, rows, y, weight, target)

    def merge_rule(self, name: str) -> WeightRule:
        """Return the rule that merges shards' weights, by its name in `merging.rules`.

        Raises
        ------
        ConfigurationError
            There is no such rule.
        """
        return find_rule(name)

    def beyond_linear(self, rows: SparseRows, memory: Memory) -> np.ndarray:
        """Compute the non-linear part of margins, (n_rows,): 0 in a linear model."""
        return np.zeros(len(rows.indptr) - 1)

    def with_rest_scaled(self, weights: np.ndarray, factor: float) -> np.ndarray:
        """Scale weights so that `beyond_linear` is multiplied by `factor`; a negative one counts as
        0. A linear model's do not change.
        """
        return weights

    def begin(self, n_features: int, target: Target) -> Memory:
        """Return the initial memory."""
        table = CoordinateTable.of(*self.first_numbers(n_features, target))
        return Memory(table, target.no_rows())

    def first_numbers(self, n_features: int, target: Target) -> tuple[np.ndarray, np.ndarray]:
        """Return the initial first numbers and squared gradients, as in `CoordinateTable`."""
        weights = self.first_weights(n_features, target)
        width = 1 if self.shares_squares else weights.shape[1]
        squares = np.zeros((len(weights), width), np.float32)
        return self.rules().first_of(weights, squares).astype(np.float32, copy=False), squares

    def update(
        self, rows: SparseRows, y: np.ndarray, weight: np.ndarray, memory: Memory, target: Target
    ) -> np.ndarray:
        """Take one step per row with raw labels, updating `memory`; return the margins before.

        Raises
        ------
        ConfigurationError
            The steps were so long that weights are not finite any more.
        """
        y, weight = frozen(y, np.float64), frozen(weight, np.float64)
        weighed = frozen(target.weigh(y, weight, memory.seen), np.float64)
        margins = self.learn(
            rows, frozen(target.encode(y), np.float64), weighed, memory, target.unit
        )
        if not np.isfinite(margins).all():
            raise diverged(type(self).__name__, "margins")
        memory.seen = target.count(y, weight, memory.seen)
        return margins

    def weights_of(self, memory: Memory) -> np.ndarray:
        """Return the predictive weights, (n_features + 1, width) float32, the intercept last."""
        return self.rules().weights(memory.table).copy()

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit from scratch, in `max_iter` passes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Scales the rows' steps; 0 leaves a row out.
        """
        self._validate_params()
        X, y, weight = self._validated(X, y, sample_weight, reset=True)
        self._aim(y, weight)
        y, random = self._numbers(y), check_random_state(self.random_state)
        target = self._target(y, weight)
        self.learning_rate_ = self.rate_on(as_rows(X), y, weight, target)
        self.memory_ = self.begin(self.n_features_in_, target)
        for _ in range(self.max_iter):
            order = random.permutation(len(y)) if self.shuffle else slice(None)
            weight_in_order = weight[order] if weight.size else weight
            self.update(as_rows(X[order]), y[order], weight_in_order, self.memory_, target)
        if not np.isfinite(self.weights_of(self.memory_)).all():
            raise diverged(type(self).__name__, "weights")
        self.n_iter_ = self.max_iter
        return self

    def _learn_once(self, X: Any, y: np.ndarray, weight: np.ndarray) -> Self:
        """Make one pass over validated rows, continuing from the last one."""
        target, rows, y = self._target(), as_rows(X), self._numbers(y)
        if not hasattr(self, "memory_"):
            self.learning_rate_ = self.rate_on(rows, y, weight, target)
            self.memory_ = self.begin(self.n_features_in_, target)
        self.update(rows, y, weight, self.memory_, target)
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        return self

    def _validated(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool
    ) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return X as float32, y, and the weights: (n_samples,), or (0,) if all rows weigh 1.

        Rows of weight 0 are dropped if other rows have weight.
        """
        numeric = self.kind == "regressor"
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float32, reset=reset, y_numeric=numeric
        )
        if sample_weight is None:
            return X, y, UNWEIGHTED
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = np.flatnonzero(weight)
        if 0 < len(kept) < len(weight):
            return X[kept], y[kept], weight[kept]
        return X, y, weight

    def _margins(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float32, reset=False)
        return self.margins(as_rows(X), self.weights_of(self.memory_))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
