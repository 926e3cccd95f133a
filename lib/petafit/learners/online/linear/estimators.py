"""petafit's linear models for streams, compiled, and compatible with scikit-learn."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from petafit.learners.online import losses
from petafit.learners.online.classifier import OnlineClassifier
from petafit.learners.online.csr import SparseRows
from petafit.learners.online.estimator import Memory, OnlineEstimator
from petafit.learners.online.linear import kernels as linear_kernels
from petafit.learners.online.linear import multiclass_kernels
from petafit.learners.online.regressor import OnlineRegressor
from petafit.learners.online.update_rules import FTRL


class _Linear(OnlineEstimator):
    """Margins that are linear in the features."""

    def learn(
        self,
        rows: SparseRows,
        target: np.ndarray,
        weight: np.ndarray,
        memory: Memory,
        unit: float = 1.0,
    ) -> np.ndarray:
        rates = self.rules().rates.in_unit(unit)
        table, loss = memory.table.numbers, losses.CODES[self.loss]
        seen = float(memory.seen.sum())
        given = rows, target, weight, table, seen, loss
        if memory.table.width == 1:
            if rates.rule == FTRL:
                return linear_kernels.learn_by_ftrl(*given, float(self.quantile), rates)
            return linear_kernels.learn_by_descent(*given, float(self.quantile), rates)
        if rates.rule == FTRL:
            return multiclass_kernels.learn_by_ftrl(*given, rates)
        return multiclass_kernels.learn_by_descent(*given, rates)

    def margins(self, rows: SparseRows, weights: np.ndarray) -> np.ndarray:
        one = weights.shape[1] == 1
        return (linear_kernels if one else multiclass_kernels).margins(rows, weights)


class OnlineLinearClassifier(_Linear, OnlineClassifier):
    """Linear classifier that takes one step per row, with a step size for every coordinate.

    Weights and accumulators are float32; a row costs time in proportion to its non-zeros (times the
    classes, where there are more than two). Of more than two classes, AdaGrad and SGD without
    penalties move only those for which the derivative of the row's loss by the margin is at least
    a thousandth: softmax gives most of them a negligible probability. All classes share a
    coordinate's step size, derived from the mean of their squared gradients [3]_: half the memory,
    and half the time, of a step size for each class.

    Parameters
    ----------
    loss : {"log", "hinge"}
        The logistic loss, of all classes together (softmax); or the hinge loss of a linear support
        vector machine, of each class against the rest.
    optimizer : {"adagrad", "ftrl", "sgd"}
        AdaGrad [1]_ with the step ``learning_rate / sqrt(1 + G)``, G the coordinate's sum of
        squared gradients; FTRL-proximal [2]_; or plain gradient descent with the step
        ``learning_rate / t**power_t`` in row t, from 1.
    learning_rate : float or "auto"
        Scales every step; FTRL's alpha. "auto" follows from how long the rows are, and from trials
        where there are enough: on rows given to `fit`, on those of the first call of
        `partial_fit`, and in petafit's jobs on rows from all over the table.
    power_t : float
        Rate at which the steps of `sgd` fall; 0 keeps them constant.
    beta : float
        FTRL's beta, which shortens the first steps.
    l1, l2 : float
        Penalties ``l1 |w| + l2/2 w**2``, never on the intercept. With AdaGrad and SGD every row
        pays them for the coordinates it holds, by a proximal step; with FTRL they are paid once for
        all rows.
    class_weight : mapping, "balanced" or None
        Scales the steps of a class's rows. "balanced" gives each class the same sum of weights, by
        the counts of all rows in `fit` and of those seen so far in `partial_fit`.
    max_iter : int
        Passes of `fit` over its data; `partial_fit` makes one.
    shuffle : bool
        `fit` takes the rows of every pass in random order.
    random_state : int, RandomState or None
        Source of the shuffling.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features), float32
    intercept_ : ndarray of shape (1,) or (n_classes,), float32
    n_features_in_ : int
    n_iter_ : int
        Passes made by `fit`, and calls of `partial_fit` since.
    learning_rate_ : float
        The learning rate used.
    memory_ : Memory
        The optimizer's state of each coordinate, and the rows seen.

    References
    ----------
    .. [1] Duchi, Hazan, Singer: Adaptive subgradient methods for online learning and stochastic
       optimization. JMLR 12 (2011).
    .. [2] McMahan et al.: Ad click prediction, a view from the trenches. KDD 2013.
    .. [3] Row-wise AdaGrad, as in Mudigere et al.: Software-hardware co-design for fast and
       scalable training of deep learning recommendation models. ISCA 2022.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.eye(3), ["low", "mid", "top"]
    >>> OnlineLinearClassifier(random_state=0).fit(X, y).predict(X).tolist()
    ['low', 'mid', 'top']
    """

    def __init__(
        self,
        loss: str = "log",
        *,
        optimizer: str = "adagrad",
        learning_rate: float | Literal["auto"] = "auto",
        power_t: float = 0.25,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        max_iter: int = 10,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.beta = beta
        self.l1 = l1
        self.l2 = l2
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state

    @property
    def coef_(self) -> np.ndarray:
        return self.weights_of(self.memory_)[:-1].T

    @property
    def intercept_(self) -> np.ndarray:
        return self.weights_of(self.memory_)[-1]


class OnlineLinearRegressor(_Linear, OnlineRegressor):
    """Linear regressor that takes one step per row, with a step size for every coordinate.

    Labels are standardised by the mean and deviation of the rows of the first call of `fit` or
    `partial_fit`, so that `learning_rate`, `l1` and `l2` mean the same whatever the label's unit.
    Poisson labels are divided by their mean where it is above 1, and the intercept starts at its
    logarithm where it is below.

    Parameters
    ----------
    loss : {"squared", "quantile", "poisson"}
        Predicts the mean; the `quantile`; or the mean of counts, as the exponential of the margin.
        Poisson labels must not be negative.
    quantile : float
        Between 0 and 1: which quantile the loss `quantile` predicts.
    optimizer, learning_rate, power_t, beta, l1, l2, max_iter, shuffle, random_state
        As in `OnlineLinearClassifier`, of the standardised label.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,), float64
        In the label's unit; of its logarithm with the loss `poisson`.
    intercept_ : float
    target_ : NumberTarget
        The standardisation of labels.
    n_features_in_, n_iter_, learning_rate_, memory_
        As in `OnlineLinearClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(100.0)[:, None] / 100
    >>> model = OnlineLinearRegressor(max_iter=100, random_state=0).fit(X, 1000 + 500 * X[:, 0])
    >>> model.predict([[0.5]]).round(-1).tolist()
    [1250.0]
    """

    def __init__(
        self,
        loss: str = "squared",
        *,
        quantile: float = 0.5,
        optimizer: str = "adagrad",
        learning_rate: float | Literal["auto"] = "auto",
        power_t: float = 0.25,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        max_iter: int = 10,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.loss = loss
        self.quantile = quantile
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.beta = beta
        self.l1 = l1
        self.l2 = l2
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
