"""petafit's own linear classifier for streams, compiled, and compatible with scikit-learn."""

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from petafit.learners import kernels
from petafit.learners.optimizers import FTRL, UNWEIGHTED, AdaGrad, Optimizer, as_rows


class OnlineLinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Linear classifier that takes one step per row, with a step size for every coordinate.

    Weights and accumulators are float32; a row costs time in proportion to its non-zeros only.

    Parameters
    ----------
    loss : {"log"}
        The logistic loss, for two classes.
    optimizer : {"adagrad", "ftrl"}
        AdaGrad [1]_ with the step ``learning_rate / sqrt(1 + G)``, G the coordinate's sum of
        squared gradients; or FTRL-proximal [2]_.
    learning_rate : float
        Scales every step; FTRL's alpha.
    beta : float
        FTRL's beta, which tempers the first steps; AdaGrad has no use for it.
    l1, l2 : float
        Penalties ``l1 |w| + l2/2 w**2``, never on the intercept. With AdaGrad every row pays them
        for the coordinates it holds, by a proximal step; with FTRL they are paid once for all rows.
    max_iter : int
        Passes of `fit` over its data; `partial_fit` makes one.
    shuffle : bool
        `fit` takes the rows of every pass in random order.
    random_state : int, RandomState or None
        Of the shuffling.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    coef_ : ndarray of shape (1, n_features), float32
    intercept_ : ndarray of shape (1,), float32
    n_features_in_ : int
    n_iter_ : int
        Passes made by `fit`, and calls of `partial_fit` since.
    table_ : ndarray of shape (n_features + 1, 2), float32
        What the optimizer keeps of each coordinate, the intercept last.

    References
    ----------
    .. [1] Duchi, Hazan, Singer: Adaptive subgradient methods for online learning and stochastic
       optimization. JMLR 12 (2011).
    .. [2] McMahan et al.: Ad click prediction, a view from the trenches. KDD 2013.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), ["no", "yes"]
    >>> OnlineLinearClassifier(random_state=0).fit(X, y).predict(X).tolist()
    ['no', 'yes']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "loss": [StrOptions({"log"})],
        "optimizer": [StrOptions({"adagrad", "ftrl"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "l1": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        loss: str = "log",
        *,
        optimizer: str = "adagrad",
        learning_rate: float = 0.1,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        max_iter: int = 10,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.beta = beta
        self.l1 = l1
        self.l2 = l2
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state

    def make_optimizer(self) -> Optimizer:
        """The optimizer that the parameters describe.

        Raises
        ------
        ValueError
            A parameter is out of its range.
        """
        self._validate_params()
        if self.optimizer == "ftrl":
            return FTRL(self.learning_rate, self.beta, self.l1, self.l2)
        return AdaGrad(self.learning_rate, self.l1, self.l2)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit anew, in `max_iter` passes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Scales the rows' steps; 0 leaves a row out.
        """
        optimizer = self.make_optimizer()
        X, y = self._validated(X, y, reset=True)
        weight = _weights(sample_weight, X)
        self._begin(y)
        target, random = self._positions(y), check_random_state(self.random_state)
        for _ in range(self.max_iter):
            order = random.permutation(len(target)) if self.shuffle else slice(None)
            optimizer.update(
                as_rows(X[order]),
                target[order],
                weight[order] if weight.size else weight,
                self.table_,
            )
        self.n_iter_ = self.max_iter
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Take one step per row, in the order given.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (2,)
            Both classes; needed at the first call.
        sample_weight : array-like of shape (n_samples,), optional
            Scales the rows' steps; 0 leaves a row out.
        """
        optimizer, first = self.make_optimizer(), not hasattr(self, "table_")
        X, y = self._validated(X, y, reset=first)
        weight = _weights(sample_weight, X)
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._begin(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={classes!r} is not the same as before: {self.classes_!r}")
        optimizer.update(as_rows(X), self._positions(y), weight, self.table_)
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """The margin of every row, (n_samples,): positive for the second class."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float32, reset=False)
        return kernels.margins(*as_rows(X), self._weights())

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of both classes, (n_samples, 2)."""
        second = expit(self.decision_function(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: Any) -> np.ndarray:
        """The more probable class of every row, (n_samples,)."""
        second = self.decision_function(X) > 0
        return np.asarray(self.classes_[second.astype(np.intp)])

    @property
    def coef_(self) -> np.ndarray:
        return self._weights()[None, :-1]

    @property
    def intercept_(self) -> np.ndarray:
        return self._weights()[-1:]

    def _weights(self) -> np.ndarray:
        return self.make_optimizer().weights(self.table_)

    def _begin(self, classes: Any) -> None:
        self.classes_ = unique_labels(classes)
        if len(self.classes_) < 2:
            raise ValueError("Two classes are needed; y has one class only.")
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(classes)}."
            )
        self.table_ = np.zeros((self.n_features_in_ + 1, 2), np.float32)

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, np.ndarray]:
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float32, reset=reset)
        return X, y

    def _positions(self, y: np.ndarray) -> np.ndarray:
        """0 for the first class, 1 for the second."""
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            raise ValueError(f"y holds {unknown.tolist()}, not among {self.classes_.tolist()}.")
        return np.where(y == self.classes_[1], 1.0, 0.0)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        return tags


def _weights(sample_weight: Any, X: Any) -> np.ndarray:
    """Weights (n_samples,), or (0,) for rows that all weigh 1."""
    if sample_weight is None:
        return UNWEIGHTED
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    return np.asarray(weights)
