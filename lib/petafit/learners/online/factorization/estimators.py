"""petafit's own factorization machines for streams, compiled, and compatible with scikit-learn."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from petafit.learners.online.classifier import OnlineClassifier
from petafit.learners.online.factorization.base import CONSTRAINTS, FactorizationMachine
from petafit.learners.online.regressor import OnlineRegressor


class FactorizationMachineClassifier(FactorizationMachine, OnlineClassifier):
    """Factorization machine for two classes that takes one step per row.

    The margin is ``b + sum_j w_j x_j + sum_{i<j} <v_i, v_j> x_i x_j`` with a vector v_j of
    `n_factors` numbers for every feature [1]_: it learns what two features mean together, also of
    pairs that never met. A row costs time in proportion to its non-zeros times factors. Weights and
    accumulators are float32.

    Factors start at random, and count in predictions once a row has moved their feature. Two
    entries of one index in a row, as hashing may give, interact like features that share their
    factors; scikit-learn adds them up where it has to convert X to float32.

    Parameters
    ----------
    loss : {"log", "hinge"}
        As in `OnlineLinearClassifier`, of two classes.
    n_factors : int
        Length of v_j.
    init_scale : float
        The standard deviation of the factors before any row.
    optimizer, learning_rate, power_t
        As in `OnlineLinearClassifier`, of weights and factors alike.
    beta
        As in `OnlineLinearClassifier`; it also holds the factors where they started.
    l1, l2
        As in `OnlineLinearClassifier`, of the weights w alone.
    factor_l2 : float
        Penalty ``factor_l2/2 |v|**2`` of the factors.
    class_weight, max_iter, shuffle
        As in `OnlineLinearClassifier`.
    random_state : int, RandomState or None
        Of the first factors and of the shuffling.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    coef_ : ndarray of shape (1, n_features), float32
        w.
    intercept_ : ndarray of shape (1,), float32
    factors_ : ndarray of shape (n_features, n_factors), float32
        v; 0 for features that no row has moved.
    n_features_in_ : int
    n_iter_ : int
        Passes made by `fit`, and calls of `partial_fit` since.
    learning_rate_ : float
        The learning rate used.
    memory_ : Memory
        The optimizer's state of each coordinate, and the rows seen.

    References
    ----------
    .. [1] Rendle: Factorization machines. ICDM 2010.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), ["same", "other", "other", "same"]
    >>> model = FactorizationMachineClassifier(max_iter=500, learning_rate=0.5, random_state=0)
    >>> model.fit(X, y).predict(X).tolist()
    ['same', 'other', 'other', 'same']
    """

    multi_class: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **OnlineClassifier._parameter_constraints,
        **CONSTRAINTS,
    }

    def __init__(
        self,
        loss: str = "log",
        *,
        n_factors: int = 8,
        init_scale: float = 0.01,
        optimizer: str = "adagrad",
        learning_rate: float | Literal["auto"] = "auto",
        power_t: float = 0.25,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        factor_l2: float = 0.0,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        max_iter: int = 10,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.loss = loss
        self.n_factors = n_factors
        self.init_scale = init_scale
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.beta = beta
        self.l1 = l1
        self.l2 = l2
        self.factor_l2 = factor_l2
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state

    @property
    def coef_(self) -> np.ndarray:
        return self.weights_of(self.memory_)[:-1, 0][None, :]

    @property
    def intercept_(self) -> np.ndarray:
        return self.weights_of(self.memory_)[-1, :1]

    @property
    def factors_(self) -> np.ndarray:
        return self.weights_of(self.memory_)[:-1, 1:]


class FactorizationMachineRegressor(FactorizationMachine, OnlineRegressor):
    """Factorization machine for numbers that takes one step per row.

    Parameters
    ----------
    loss, quantile
        As in `OnlineLinearRegressor`, with labels standardised as there.
    n_factors, init_scale, optimizer, learning_rate, power_t, beta, l1, l2, factor_l2
        As in `FactorizationMachineClassifier`, of the standardised label.
    max_iter, shuffle, random_state
        As in `FactorizationMachineClassifier`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,), float64
        w in the label's unit; of its logarithm with the loss `poisson`.
    intercept_ : float
        In the same unit.
    factors_ : ndarray of shape (n_features, n_factors), float64
        v, so scaled that their products are in the same unit.
    target_ : NumberTarget
        The standardisation of labels.
    n_features_in_, n_iter_, learning_rate_, memory_
        As in `FactorizationMachineClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[a, b] for a in range(5) for b in range(5)]) / 4.0
    >>> model = FactorizationMachineRegressor(max_iter=300, learning_rate=0.5, random_state=0)
    >>> model.fit(X, 8 * X[:, 0] * X[:, 1]).predict([[1.0, 0.0], [1.0, 1.0]]).round().tolist()
    [0.0, 8.0]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **OnlineRegressor._parameter_constraints,
        **CONSTRAINTS,
    }

    def __init__(
        self,
        loss: str = "squared",
        *,
        quantile: float = 0.5,
        n_factors: int = 8,
        init_scale: float = 0.01,
        optimizer: str = "adagrad",
        learning_rate: float | Literal["auto"] = "auto",
        power_t: float = 0.25,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        factor_l2: float = 0.0,
        max_iter: int = 10,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.loss = loss
        self.quantile = quantile
        self.n_factors = n_factors
        self.init_scale = init_scale
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.beta = beta
        self.l1 = l1
        self.l2 = l2
        self.factor_l2 = factor_l2
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state

    @property
    def factors_(self) -> np.ndarray:
        return np.sqrt(self._unit) * self.weights_of(self.memory_)[:-1, 1:].astype(np.float64)
