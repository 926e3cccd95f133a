"""Losses to which merges of scikit-learn's linear models by SGD are fitted, for many rows."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit, log_expit, logsumexp

from petafit.features.encoding.batch import Batch
from petafit.learners.online import losses
from petafit.learners.online.merging.multipliers import Loss
from petafit.learners.sklearn.classes import public_name

ValuesAndSlopes = tuple[np.ndarray, np.ndarray]


def _hinge(z: np.ndarray) -> ValuesAndSlopes:
    return np.maximum(1 - z, 0), np.where(z < 1, -1.0, 0.0)


def _squared_hinge(z: np.ndarray) -> ValuesAndSlopes:
    short = np.maximum(1 - z, 0)
    return short**2, -2 * short


def _log_loss(z: np.ndarray) -> ValuesAndSlopes:
    return np.logaddexp(0, -z), -expit(-z)


def _modified_huber(z: np.ndarray) -> ValuesAndSlopes:
    values, slopes = _squared_hinge(z)
    return np.where(z < -1, -4 * z, values), np.where(z < -1, -4.0, slopes)


def _squared_error(r: np.ndarray, epsilon: float) -> ValuesAndSlopes:
    return r**2 / 2, r


def _huber(r: np.ndarray, epsilon: float) -> ValuesAndSlopes:
    bounded = np.clip(r, -epsilon, epsilon)
    return bounded * (r - bounded / 2), bounded


def _epsilon_insensitive(r: np.ndarray, epsilon: float) -> ValuesAndSlopes:
    return np.maximum(np.abs(r) - epsilon, 0), np.where(np.abs(r) > epsilon, np.sign(r), 0.0)


def _squared_epsilon_insensitive(r: np.ndarray, epsilon: float) -> ValuesAndSlopes:
    beyond = np.maximum(np.abs(r) - epsilon, 0)
    return beyond**2, 2 * beyond * np.sign(r)


OF_SIGN: Mapping[str, Callable[[np.ndarray], ValuesAndSlopes]] = {
    "hinge": _hinge,
    "squared_hinge": _squared_hinge,
    "log_loss": _log_loss,
    "modified_huber": _modified_huber,
}
"""Losses of a label of -1 or 1, with their derivatives, as functions of the label times the margin.
"""

OF_RESIDUAL: Mapping[str, Callable[[np.ndarray, float], ValuesAndSlopes]] = {
    "squared_error": _squared_error,
    "huber": _huber,
    "epsilon_insensitive": _epsilon_insensitive,
    "squared_epsilon_insensitive": _squared_epsilon_insensitive,
}
"""Losses of the margin minus the label, with derivatives, given the estimator's `epsilon`."""

_STAND_INS: Mapping[str, str] = {
    "Perceptron": "hinge",
    "PassiveAggressiveClassifier": "hinge",
    "PassiveAggressiveRegressor": "epsilon_insensitive",
}
"""Losses used instead of a class's own, which has another name, or is minimal at weights of 0."""


def loss_of(estimator: Any, rows: Batch) -> Loss:
    """Return the mean loss of rows as a function of their margins, for a fitted estimator.

    For a number, and for two classes, it is the estimator's own loss; the hinge for a perceptron,
    whose own is 0 at weights of 0. scikit-learn fits each of several classes against the rest, and
    minimising the sum of those losses need not make the right margin the largest: on digits that
    cost 2 to 10 points of accuracy. So the prediction's loss is used: ``-log(p_y / sum_c p_c)`` for
    the log loss, p_c being each class's probability against the rest; the softmax loss if only the
    largest margin matters. `modified_huber`, with probabilities of 0, keeps its own.

    Parameters
    ----------
    rows : Batch
        With labels: the positions of classes, or numbers.
    """
    y, weight = np.asarray(rows.y, np.float64), shares_of(estimator, rows)
    name = _STAND_INS.get(public_name(estimator)) or estimator.loss
    target = y[:, None]
    if hasattr(estimator, "classes_"):
        classes = estimator.classes_[1:] if len(estimator.classes_) == 2 else estimator.classes_
        target = np.where(target == classes, 1.0, -1.0)
    if target.shape[1] == 1 or name == "modified_huber":
        return partial(_own, name, target, weight[:, None], estimator.epsilon)
    if name == "log_loss":
        return partial(_shares, y.astype(np.intp), weight)
    return partial(losses.total, "log", target=y, weight=weight, quantile=0.5)


def shares_of(estimator: Any, rows: Batch) -> np.ndarray:
    """Return the rows' shares of the mean loss, whatever their class, (n_rows,), with sum 1."""
    y = np.asarray(rows.y, np.float64)
    weight = np.ones(len(y)) if rows.weight is None else np.asarray(rows.weight, np.float64)
    if hasattr(estimator, "classes_"):
        weight = weight * estimator._expanded_class_weight[y.astype(np.intp)]
    return np.asarray(weight / weight.sum())


def _own(
    name: str, target: np.ndarray, weight: np.ndarray, epsilon: float, margins: np.ndarray
) -> tuple[float, np.ndarray]:
    margins = margins.astype(np.float64)
    if name in OF_SIGN:
        values, slopes = OF_SIGN[name](target * margins)
        slopes = target * slopes
    else:
        values, slopes = OF_RESIDUAL[name](margins - target, epsilon)
    return float((weight * values).sum()), weight * slopes


def _shares(y: np.ndarray, weight: np.ndarray, margins: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the log loss of ``p_c / sum p``, p being the probability of each class against the
    rest.
    """
    margins = margins.astype(np.float64)
    own, logs = (np.arange(len(y)), y), log_expit(margins)
    total = logsumexp(logs, axis=1, keepdims=True)
    slopes = np.exp(logs - total)
    slopes[own] -= 1
    slopes *= expit(-margins)
    return float(weight @ (total[:, 0] - logs[own])), weight[:, None] * slopes
