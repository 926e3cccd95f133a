"""Losses of single rows, named by the metrics that are their means.

Another loss is a line in `OF_NUMBERS` or `OF_MARGINS`, and a learner with it as objective. Formulas
are in `petafit.learners.objective`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from petafit.errors import ContractError

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
"""Losses of numbers, in the label's unit; deviances have no unit."""


def _short(y: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """Return each margin's hinge loss, (n_rows, n_margins)."""
    if margins.ndim == 1:
        return np.maximum(1 - (2.0 * y - 1) * margins, 0)[:, None]
    signs = np.full(margins.shape, -1.0)
    signs[np.arange(len(y)), y] = 1
    return np.maximum(1 - signs * margins, 0)


OF_MARGINS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "hinge_loss": lambda y, margins: _short(y, margins).sum(axis=1),
    "squared_hinge_loss": lambda y, margins: np.square(_short(y, margins)).sum(axis=1),
}
"""Losses of margins, by positions of classes; with several, the sum of each against the rest."""
