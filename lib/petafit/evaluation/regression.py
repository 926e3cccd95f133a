"""Metrics of a regressor."""

import numpy as np
from scipy.special import xlogy

from petafit.evaluation.figures import Figures, Metrics, Scored
from petafit.evaluation.own_losses import OF_NUMBERS
from petafit.features.column_statistics import merged_moments
from petafit.learners.objective import SQUARED_ERROR, Objective
from petafit.store.arrays import StateDict

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
