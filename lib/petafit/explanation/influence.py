"""Influence of leaving out a partition on the loss of other rows: all partitions in one pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from petafit.aggregate.aggregator import Aggregator
from petafit.errors import ConfigurationError, EmptyInputError
from petafit.evaluation.evaluate import metrics_of
from petafit.evaluation.metrics import Scored, check_numbers
from petafit.explanation.leave_one_out import Variants, from_state_dict, to_state_dict
from petafit.features.column_statistics import merged_moments
from petafit.features.encoding.batch import Batch
from petafit.models.model import Model
from petafit.store.arrays import StateDict

_MOST_MARGINS = 1 << 23
"""Limit of the margins in memory: 64 MB."""


@dataclass(frozen=True)
class Changes:
    """Changes of the mean loss of some rows without each partition.

    Attributes
    ----------
    loss : float
        The full model's loss.
    change : ndarray of shape (n_partitions,)
        Positive: the partition improves the model. Negative: it harms it.
    standard_error : ndarray of shape (n_partitions,)
        Over the rows, as if they were drawn independently; a weight of n counts as n rows.
    """

    loss: float
    change: np.ndarray
    standard_error: np.ndarray


@dataclass
class InfluenceState:
    """The models, and their losses so far.

    Attributes
    ----------
    model : Model
        The models' signature; its own weights are not used.
    sums : StateDict
        ``weight``, and ``mean`` and ``squares`` (weighted squared distances from it), both
        (1 + n_partitions,): of the loss, then of each partition's change.
    """

    model: Model
    variants: Variants
    sums: StateDict


class Influence(Aggregator[InfluenceState, pa.RecordBatch, Changes]):
    """Computes changes of the loss for models packed by `leave_one_out.to_state_dict`.

    Parameters
    ----------
    partitions : int
        Number of models besides the full one.
    """

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def start(self, model: StateDict | None = None) -> InfluenceState:
        if model is None:
            raise ConfigurationError("There is no model to explain", hint="Start with a model.")
        return InfluenceState(*from_state_dict(model), self._nothing())

    def reduce(self, state: InfluenceState, batch: pa.RecordBatch) -> InfluenceState:
        model = state.model
        y, weight = model.encoder.targets(batch)
        X = model.encoder(batch, labels=False).X
        outputs = 1 if model.classes is None or len(model.classes) == 2 else len(model.classes)
        step = max(1, _MOST_MARGINS // (self.partitions * outputs))
        sums = state.sums
        for begin in range(0, len(y), step):
            part = slice(begin, begin + step)
            rows = Batch(X[part], y[part], None if weight is None else weight[part])
            sums = self.merge(sums, self._measured(state, rows))
        return InfluenceState(model, state.variants, sums)

    def progress(self, state: InfluenceState) -> float | None:
        return float(state.sums.arrays["mean"][0]) if state.sums.arrays["weight"] else None

    def lift(self, state: InfluenceState) -> StateDict:
        return state.sums

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        """Merge the moments of the losses; a side without weight leaves the other unchanged."""
        if not (left.arrays["weight"] and right.arrays["weight"]):
            return left if left.arrays["weight"] else right
        return StateDict(merged_moments(left.arrays, right.arrays))

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Changes:
        weight, mean = summary.arrays["weight"], summary.arrays["mean"]
        if not weight:
            raise EmptyInputError(
                "None of the rows has weight", hint="Check `split.test` and `weight`."
            )
        standard_error = np.sqrt(summary.arrays["squares"]) / weight
        return Changes(float(mean[0]), mean[1:], standard_error[1:])

    def dump(self, state: InfluenceState) -> StateDict:
        packed = to_state_dict(state.model, state.variants)
        return packed.prefixed("models") | state.sums.prefixed("sums")

    def load(self, dumped: StateDict) -> InfluenceState:
        return InfluenceState(*from_state_dict(dumped.part("models")), dumped.part("sums"))

    def _measured(self, state: InfluenceState, rows: Batch) -> StateDict:
        """Return the sums over at least one row."""
        metrics, learner = metrics_of(state.model), state.model.learner
        assert rows.y is not None
        columns = np.empty((self.partitions + 1, len(rows.y)))
        for own, prediction in zip(
            columns, state.variants.predictions(learner, rows.X), strict=True
        ):
            check_numbers(prediction)
            own[:] = metrics.row_losses(Scored(rows.y, prediction))
        columns[1:] -= columns[0]
        weight = Scored(rows.y, columns[0], rows.weight).weights
        total = weight.sum()
        if not total:
            return self._nothing()
        mean: Any = columns @ weight / total
        squares = np.square(columns - mean[:, None]) @ weight
        return StateDict(
            {"weight": np.asarray(total, np.float64), "mean": mean, "squares": squares}
        )

    def _nothing(self) -> StateDict:
        zeros = np.zeros(self.partitions + 1)
        return StateDict({"weight": np.zeros(()), "mean": zeros, "squares": zeros})
