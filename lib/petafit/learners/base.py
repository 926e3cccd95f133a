"""Interface of incremental learners: aggregators over encoded batches that can also predict."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from petafit.aggregate.aggregator import Aggregator, State
from petafit.errors import ConfigurationError, StorageError
from petafit.features.encoder import DType, Layout
from petafit.features.encoding.batch import Batch
from petafit.features.encoding.stored import reading
from petafit.learners.arrays import first_not_finite
from petafit.store.arrays import StateDict

Kind = Literal["classifier", "regressor", "clusterer", "recommender", "other"]
Output = Literal["probability", "margin", "value", "cluster"]

PREDICTION = "prediction_value"
"""The column in which Spark stores an estimator's predictions."""

DECISION = "prediction_class"
"""The column in which Spark stores the position of the class that an estimator chose."""


@dataclass(frozen=True)
class MergeFit:
    """Result of fitting the multipliers of a merge.

    Attributes
    ----------
    multipliers : ndarray of shape (n_multipliers,)
    before, after : float
        Mean loss with the aimed-at multipliers, and with the fitted ones.
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
        Name in the registry, ``FAMILY.ClassName``.
    kind : {"classifier", "regressor", "clusterer", "recommender", "other"}
    output : {"probability", "margin", "value", "cluster"}
        Meaning of `predict`'s numbers. A margin's sign decides, or the largest of several. A
        cluster is its number and the row's distance from its center; the probabilities of a
        clusterer are those of its clusters.
    layout : {"csr", "dense"}
        Layout that X must have.
    dtype : {"float32", "float64"}
        Type of X's values.
    exact : bool
        Merging shards gives the same model as one shard with all rows.
    mergeable : bool
        Shards can be merged.
    stacks : bool
        Shards are best merged by `stack`, which needs a merge holdout.
    subtractable : bool
        A shard can be subtracted from a merge: `unmerge`. For an `exact` learner this gives the
        model of the remaining rows; for others, the merge of the remaining shards.
    """

    name: str
    kind: Kind
    output: Output = "value"
    layout: Layout = "csr"
    dtype: DType = "float32"
    exact: bool = False
    mergeable: bool = True
    stacks: bool = False
    subtractable: bool = False

    @abstractmethod
    def progressive(self, state: State, batch: Batch) -> tuple[State, np.ndarray | None]:
        """Predict a batch, then learn from it (progressive validation).

        Returns
        -------
        state : State
        predictions : ndarray or None
            As `predict`; None if the learner cannot predict yet.
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
        """Finish like `finish`, with the merge fitted to the merge holdout; for learners that
        `stacks`.

        Returns
        -------
        StateDict
            The model.
        MergeFit
            The multipliers, and the loss on the merge holdout before and after.

        Raises
        ------
        ConfigurationError
            The learner does not stack.
        """
        raise refuse_to_stack(self.name)

    def first_not_finite(self, model: StateDict) -> str | None:
        """Return the name of a model's array with NaN or an unexpected infinity, if any."""
        return first_not_finite(model)

    def check(self, model: StateDict) -> None:
        """Refuse a stored model that this learner cannot have written.

        Prediction and warm start rely on this check: they do not verify sizes and types again.

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
            The summary is not finite, or its sizes are inconsistent.
        """
        if summary.arrays and self.first_not_finite(summary):
            raise StorageError(f"A stored summary of {self.name} is not finite")

    def check_form(self, model: StateDict) -> None:
        """Refuse arrays whose shapes and types differ from this learner's, as `check` does."""

    def predictive(self, model: StateDict) -> StateDict:
        """Return the part of a model that `predict` needs."""
        return model

    def unmerge(self, total: StateDict, part: StateDict) -> StateDict:
        """Subtract a shard: return the summary that, merged with `part`, gives `total`.

        Raises
        ------
        ConfigurationError
            The learner is not `subtractable`.
        """
        raise refuse_to_unmerge(self.name)


def refuse_to_merge(learner: str, shards: object) -> ConfigurationError:
    """Return the error for a learner whose shards cannot be merged."""
    return ConfigurationError(
        f"Models of {learner} trained on different shards cannot be merged",
        expected="training.shards: 1",
        got=shards,
        hint="Set training.shards=1, or choose a learner that merges.",
    )


def refuse_to_stack(what: str) -> ConfigurationError:
    """Return the error for a merge that has no multipliers to fit."""
    return ConfigurationError(
        f"The merge of {what} cannot be fitted to a merge holdout",
        expected="a linear learner, with `training.merge: stacked` or `auto`",
        hint="Merge without a merge holdout.",
    )


def refuse_to_unmerge(what: str) -> ConfigurationError:
    """Return the error for a merge from which shards cannot be subtracted."""
    return ConfigurationError(
        f"A shard cannot be taken out of merged models of {what} again",
        expected="a learner of sums, such as naive Bayes, StandardScaler or petafit.Ridge, or an "
        "online linear learner of petafit's with `training.merge: evidence`",
        hint="Train again without those rows.",
    )


def check_taken_back(total: StateDict, part: StateDict) -> None:
    """Refuse to subtract more rows than were merged.

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
    """Return the batch without rows of weight 0, which must not affect the model."""
    if batch.weight is None or batch.weight.all():
        return batch
    kept = batch.weight != 0
    y = None if batch.y is None else batch.y[kept]
    return Batch(batch.X[kept], y, batch.weight[kept])


def labels_of(batch: Batch, learner: str) -> np.ndarray:
    """Return the labels of a batch, which must have them.

    Raises
    ------
    ConfigurationError
        The batch has none.
    """
    if batch.y is None:
        raise ConfigurationError(f"{learner} needs a label to learn from")
    return batch.y
