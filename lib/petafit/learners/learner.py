"""What every incremental learner is: an aggregator over encoded batches that can also predict."""

from abc import abstractmethod
from typing import Any, Literal

import numpy as np

from petafit.aggregate.law import Aggregator, State
from petafit.errors import ConfigurationError
from petafit.features.batch import Batch
from petafit.features.encode import DType, Layout
from petafit.store.arrays import Named

Kind = Literal["classifier", "regressor", "other"]
Output = Literal["probability", "margin", "value"]

PREDICTION = "prediction_value"
"""The column in which Spark puts an estimator's predictions."""


class Learner(Aggregator[State, Batch, Named]):
    """An incremental learner; its model is a set of named arrays.

    Predictions are numbers, (n_rows,) float64: of a classifier with two classes the probability of
    the second (or its margin, see `output`), of a regressor the value. With more classes they are
    (n_rows, n_classes), one column for each.

    Attributes
    ----------
    name : str
        As the registry knows it, ``FAMILY.ClassName``.
    kind : {"classifier", "regressor", "other"}
    output : {"probability", "margin", "value"}
        What `predict` gives. A margin decides by its sign, or by the largest of several.
    layout : {"csr", "dense"}
        What X must be.
    dtype : {"float32", "float64"}
        What X should hold.
    exact : bool
        Merged shards equal one shard of all rows.
    mergeable : bool
        Shards can be merged at all.
    """

    name: str
    kind: Kind
    output: Output = "value"
    layout: Layout = "csr"
    dtype: DType = "float32"
    exact: bool = False
    mergeable: bool = True

    @abstractmethod
    def progressive(self, state: State, batch: Batch) -> tuple[State, np.ndarray | None]:
        """Learn from a batch, and give what was predicted for it before.

        Returns
        -------
        state : State
        predictions : ndarray or None
            As `predict`; None where there is nothing yet to predict from.
        """

    @abstractmethod
    def predict(self, model: Named, X: Any) -> np.ndarray:
        """Predict with a finished model.

        Parameters
        ----------
        X : csr_array or ndarray, shape (n_rows, n_features)
        """

    def reduce(self, state: State, batch: Batch) -> State:
        return self.progressive(state, batch)[0]


def refuse_to_merge(learner: str, shards: object) -> ConfigurationError:
    """The error of a learner whose shards cannot become one model."""
    return ConfigurationError(
        f"Models of {learner} trained on different shards cannot be merged",
        expected="training.shards: 1",
        got=shards,
        hint="Set training.shards=1, or choose a learner that merges.",
    )


def labels_of(batch: Batch, learner: str) -> np.ndarray:
    """The labels of a batch that must have them.

    Raises
    ------
    ConfigurationError
        The batch has none.
    """
    if batch.y is None:
        raise ConfigurationError(f"{learner} needs a label to learn from")
    return batch.y
