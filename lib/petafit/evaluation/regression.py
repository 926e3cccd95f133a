"""Metrics of a regressor, and the losses of numbers that learners minimise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from petafit.errors import ContractError
from petafit.evaluation.metrics import Figures, Metrics, Scored
from petafit.features.column_statistics import merged_moments
from petafit.learners.objective import SQUARED_ERROR, Objective
from petafit.store.arrays import StateDict

_LEAST_MEAN = float(np.finfo(np.float64).tiny)
"""Lower bound of predicted means in deviances, which need means above 0."""

RowLosses = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
"""Function of labels, predictions and the objective's parameter, returning (n_rows,)."""


@dataclass(frozen=True, slots=True)
class NumberLoss:
    """The loss of a numeric prediction.

    Attributes
    ----------
    rows : callable
    least : float
        Lower bound of the labels for which it is defined.
    """

    rows: RowLosses
    least: float = -np.inf

    def __call__(self, y: np.ndarray, prediction: np.ndarray, parameter: float) -> np.ndarray:
        """Return the rows' losses.

        Raises
        ------
        ContractError
            A label is below the least.
        """
        if len(y) and y.min() < self.least:
            raise ContractError(
                "The label has values of which the learner's loss is not defined",
                expected=f"{self.least:g} or more",
                got=float(y.min()),
                hint="Filter such rows, or choose a learner with another loss.",
            )
        return self.rows(y, prediction, parameter)


def _pinball(y: np.ndarray, prediction: np.ndarray, quantile: float) -> np.ndarray:
    gap = y - prediction
    return np.maximum(quantile * gap, (quantile - 1) * gap)


def _poisson(y: np.ndarray, prediction: np.ndarray, _: float) -> np.ndarray:
    mean = np.maximum(prediction, _LEAST_MEAN)
    deviance: np.ndarray = 2 * (xlogy(y, y) - xlogy(y, mean) - y + mean)
    return deviance


def _gamma(y: np.ndarray, prediction: np.ndarray, _: float) -> np.ndarray:
    mean = np.maximum(prediction, _LEAST_MEAN)
    return 2 * (np.log(mean) - np.log(y) + y / mean - 1)


def _tweedie(y: np.ndarray, prediction: np.ndarray, power: float) -> np.ndarray:
    mean = np.maximum(prediction, _LEAST_MEAN)
    own = np.maximum(y, 0.0) ** (2 - power) / ((1 - power) * (2 - power))
    return 2 * (own - y * mean ** (1 - power) / (1 - power) + mean ** (2 - power) / (2 - power))


def _huber(y: np.ndarray, prediction: np.ndarray, width: float) -> np.ndarray:
    distance = np.abs(y - prediction)
    bounded = np.minimum(distance, width)
    return bounded * (distance - bounded / 2)


def _beyond(y: np.ndarray, prediction: np.ndarray, width: float) -> np.ndarray:
    return np.maximum(np.abs(y - prediction) - width, 0)


_SMALLEST = float(np.nextafter(0, 1))

OF_NUMBERS: Mapping[str, NumberLoss] = {
    "mean_squared_error": NumberLoss(lambda y, prediction, _: np.square(y - prediction)),
    "mean_absolute_error": NumberLoss(lambda y, prediction, _: np.abs(y - prediction)),
    "pinball_loss": NumberLoss(_pinball),
    "poisson_deviance": NumberLoss(_poisson, least=0.0),
    "gamma_deviance": NumberLoss(_gamma, least=_SMALLEST),
    "tweedie_deviance": NumberLoss(_tweedie, least=0.0),
    "huber_loss": NumberLoss(_huber),
    "epsilon_insensitive_loss": NumberLoss(_beyond),
    "squared_epsilon_insensitive_loss": NumberLoss(lambda *of: np.square(_beyond(*of))),
}
"""Losses of single rows, by the metric that is their mean: in the label's unit, or without a unit.

Formulas are in `petafit.learners.objective`.
"""

_ALWAYS = ("mean_squared_error", "mean_absolute_error")
"""Metrics of every regressor."""


class RegressionMetrics(Metrics):
    """Metrics of a regressor, including its own loss; ``r2`` is None if all labels are equal.

    ``base_poisson_deviance`` is that of always predicting these rows' own mean.

    Parameters
    ----------
    objective : Objective
        The loss that the learner minimises.
    """

    def __init__(self, objective: Objective = SQUARED_ERROR) -> None:
        self.objective = objective
        self.loss_name = objective.name

    def row_losses(self, batch: Scored) -> np.ndarray:
        y, prediction = batch.y.astype(np.float64), batch.prediction.astype(np.float64)
        return OF_NUMBERS[self.loss_name](y, prediction, self.objective.parameter)

    def measure(self, batch: Scored) -> StateDict:
        y, weight, error = batch.y, batch.weights, batch.y - batch.prediction
        total = weight.sum()
        mean = y[0] + weight @ (y - y[0]) / total if total > 0 else 0.0
        sums = {
            "weight": total,
            "mean": mean,
            "squares": weight @ (y - mean) ** 2,
            "squared_error": weight @ error**2,
            "absolute_error": weight @ abs(error),
        }
        if self.loss_name not in _ALWAYS:
            sums["own_loss"] = weight @ self.row_losses(batch)
        if self.loss_name == "poisson_deviance":
            sums["label_logs"] = weight @ xlogy(y, y)
        return StateDict({name: np.asarray(value, np.float64) for name, value in sums.items()})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        """Add the sums, and merge the label's moments."""
        merged = {name: array + right.arrays[name] for name, array in left.arrays.items()}
        if merged["weight"] == 0:
            return left
        return StateDict(merged | merged_moments(left.arrays, right.arrays))

    def figures(self, summary: StateDict) -> Figures:
        sums = {name: float(array) for name, array in summary.arrays.items()}
        explained = sums["squared_error"] / sums["squares"] if sums["squares"] > 0 else None
        found: Figures = {
            "mean_squared_error": sums["squared_error"] / sums["weight"],
            "mean_absolute_error": sums["absolute_error"] / sums["weight"],
            "r2": None if explained is None else 1 - explained,
        }
        if "own_loss" in sums:
            found[self.loss_name] = sums["own_loss"] / sums["weight"]
        if "label_logs" in sums:
            base = sums["label_logs"] / sums["weight"] - xlogy(sums["mean"], sums["mean"])
            found["base_poisson_deviance"] = 2 * float(base)
        return found
