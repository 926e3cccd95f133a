"""Mergeable metrics over labels, predictions and weights: exact over any number of shards."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from petafit.aggregate.aggregator import Aggregator
from petafit.errors import DivergedError, EmptyInputError
from petafit.store.arrays import StateDict

Figures = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with their predictions.

    Attributes
    ----------
    y : ndarray of shape (n_rows,)
        The class's position, or the number.
    prediction : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Predictions in the form of learners.
    weight : ndarray of shape (n_rows,), optional
        Integer weights count as that many rows, 0 as none.
    decided : ndarray of intp, shape (n_rows,), optional
        Positions of the classes decided on, if they do not follow from the predictions.
    """

    y: np.ndarray
    prediction: np.ndarray
    weight: np.ndarray | None = None
    decided: np.ndarray | None = None

    @property
    def weights(self) -> np.ndarray:
        return np.ones(len(self.y)) if self.weight is None else self.weight

    @property
    def counted(self) -> "Scored":
        """Return the rows that have weight."""
        if self.weight is None or self.weight.all():
            return self
        kept = self.weight != 0
        decided = None if self.decided is None else self.decided[kept]
        return Scored(self.y[kept], self.prediction[kept], self.weight[kept], decided)


class Metrics(Aggregator[StateDict, Scored, Figures]):
    """An aggregator whose summary of rows is the merge of its summaries of batches.

    Attributes
    ----------
    loss_name : str
        Name of the metric to minimise, the learner's own objective.
    """

    loss_name: str

    @abstractmethod
    def row_losses(self, batch: Scored) -> np.ndarray:
        """Return the losses whose weighted mean is the metric to minimise, (n_rows,) float64."""

    def loss(self, figures: Figures) -> float | None:
        """Return the metric to minimise."""
        return figures[self.loss_name]

    @abstractmethod
    def measure(self, batch: Scored) -> StateDict:
        """Return the summary of a single batch."""

    def start(self, model: StateDict | None = None) -> StateDict:
        return self.measure(Scored(np.empty(0), self._no_predictions()))

    def reduce(self, state: StateDict, batch: Scored) -> StateDict:
        batch = batch.counted
        check_numbers(batch.prediction)
        return self.merge(state, self.measure(batch))

    def lift(self, state: StateDict) -> StateDict:
        return state

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Figures:
        if not self.has_rows(summary):
            raise EmptyInputError(
                "There are no rows to measure, or none has weight",
                hint="Check `split` and `weight`.",
            )
        return self.figures(summary)

    def progress(self, state: StateDict) -> float | None:
        return self.loss(self.figures(state)) if self.has_rows(state) else None

    def has_rows(self, summary: StateDict) -> bool:
        """Return whether a summary has any rows."""
        return bool(summary.arrays["weight"] > 0)

    @abstractmethod
    def figures(self, summary: StateDict) -> Figures:
        """Return the metrics of a summary of at least one row."""

    def _no_predictions(self) -> np.ndarray:
        return np.empty(0)


def check_numbers(prediction: np.ndarray) -> None:
    """Refuse predictions that are NaN.

    Raises
    ------
    DivergedError
        A prediction is NaN.
    """
    if np.isnan(prediction).any():
        raise DivergedError(
            "Predictions are not numbers: the learner diverged",
            hint="Lower its learning rate, or scale the numeric features.",
        )
