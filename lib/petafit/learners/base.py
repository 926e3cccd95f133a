"""What every incremental learner is: an aggregator over encoded batches that can also predict."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from petafit.aggregate.aggregator import Aggregator, State
from petafit.errors import ConfigurationError, StorageError
from petafit.features.encoder import DType, Layout
from petafit.features.encoding.batch import Batch
from petafit.features.encoding.stored import reading
from petafit.learners.finite import first_not_finite
from petafit.store.arrays import StateDict

Kind = Literal["classifier", "regressor", "other"]
Output = Literal["probability", "margin", "value"]

PREDICTION = "prediction_value"
"""The column in which Spark puts an estimator's predictions."""

DECISION = "prediction_class"
"""The column in which Spark puts the position of the class that an estimator decides on."""


@dataclass(frozen=True)
class MergeFit:
    """What came of fitting the multipliers of a merge.

    Attributes
    ----------
    multipliers : ndarray of shape (n_multipliers,)
    before, after : float
        The mean loss with the multipliers aimed at, and with those found.
    """

    multipliers: np.ndarray
    before: float
    after: float


class Learner(Aggregator[State, Batch, StateDict]):
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
    merging : str
        How, in one line.
    stacks : bool
        Shards are best merged by `stack`, which needs rows that none of them learnt from.
    subtractable : bool
        A shard can be taken out of merged ones again: `unmerge`. Of an `exact` learner that leaves
        what the others' rows would have given, of others what merging the others would have.
    """

    name: str
    kind: Kind
    output: Output = "value"
    layout: Layout = "csr"
    dtype: DType = "float32"
    exact: bool = False
    mergeable: bool = True
    merging: str = ""
    stacks: bool = False
    subtractable: bool = False

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
    def predict(self, model: StateDict, X: Any) -> np.ndarray:
        """Predict with a finished model.

        Parameters
        ----------
        X : csr_array or ndarray, shape (n_rows, n_features)
        """

    def reduce(self, state: State, batch: Batch) -> State:
        return self.progressive(state, batch)[0]

    def stack(
        self, summary: StateDict, model: StateDict | None, rows: Batch
    ) -> tuple[StateDict, MergeFit]:
        """As `finish`, of a learner that `stacks`: the merge is fitted to rows put aside.

        Returns
        -------
        StateDict
            The model.
        MergeFit
            The multipliers, and the loss on these rows before and after.
        """
        raise NotImplementedError

    def first_not_finite(self, model: StateDict) -> str | None:
        """The name of an array of a model that holds NaN or an infinite number without meaning."""
        return first_not_finite(model)

    def check(self, model: StateDict) -> None:
        """Refuse a stored model that this learner cannot have written.

        What predicts from it, or goes on from it, does not look at sizes and types again.

        Raises
        ------
        StorageError
            An array is missing, of another shape or type, or not finite.
        """
        spoilt = self.first_not_finite(model)
        if spoilt:
            raise StorageError(
                f"A stored model of {self.name} holds numbers that are not finite",
                got=f"NaN or infinity in {spoilt!r}",
                hint="Train it again.",
            )
        with reading(f"A stored model of {self.name}"):
            self.check_form(model)

    def check_summary(self, summary: StateDict) -> None:
        """Refuse a stored summary that this learner cannot have written.

        Raises
        ------
        StorageError
            It is not finite, or `merge` could not believe its sizes.
        """
        if summary.arrays and self.first_not_finite(summary):
            raise StorageError(f"A stored summary of {self.name} is not finite")

    def check_form(self, model: StateDict) -> None:
        """Refuse arrays of other shapes and types than this learner's, as `check` does."""

    def predictive(self, model: StateDict) -> StateDict:
        """What `predict` needs of a model."""
        return model

    def unmerge(self, total: StateDict, part: StateDict) -> StateDict:
        """The summary that, merged with `part`, gives `total`: a shard's rows are taken back.

        Raises
        ------
        ConfigurationError
            The learner is not `subtractable`.
        """
        raise refuse_to_unmerge(self.name)


def refuse_to_merge(learner: str, shards: object) -> ConfigurationError:
    """The error of a learner whose shards cannot become one model."""
    return ConfigurationError(
        f"Models of {learner} trained on different shards cannot be merged",
        expected="training.shards: 1",
        got=shards,
        hint="Set training.shards=1, or choose a learner that merges.",
    )


def refuse_to_unmerge(what: str) -> ConfigurationError:
    """The error where a shard cannot be taken out of what was merged."""
    return ConfigurationError(
        f"A shard cannot be taken out of merged models of {what} again",
        expected="a learner of sums, such as naive Bayes, StandardScaler or petafit.Ridge, or an "
        "online linear learner of petafit's with `training.merge: evidence`",
        hint="Train again without those rows.",
    )


def check_taken_back(total: StateDict, part: StateDict) -> None:
    """Refuse to take out more rows than were merged.

    Parameters
    ----------
    total, part : StateDict
        Summaries with a parameter ``rows``.

    Raises
    ------
    ConfigurationError
        `part` has more rows than `total`.
    """
    merged, taken = total.params["rows"], part.params["rows"]
    if taken > merged:
        raise ConfigurationError(
            "A shard cannot be taken out of models it was not merged into",
            expected=f"at most {merged} rows",
            got=taken,
            hint="Give the summary of one of the merged shards.",
        )


def rows_that_count(batch: Batch) -> Batch:
    """The batch without the rows of weight 0, which must leave no trace."""
    if batch.weight is None or batch.weight.all():
        return batch
    kept = batch.weight != 0
    y = None if batch.y is None else batch.y[kept]
    return Batch(batch.X[kept], y, batch.weight[kept])


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
