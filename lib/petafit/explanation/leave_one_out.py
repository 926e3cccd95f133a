"""All models that lack one partition each, stored compactly enough to be evaluated in one pass.

Those of a linear learner are stored as differences from the full model. A partition changes only
the weights of coordinates that it has moved. For each coordinate and output, let w_k be partition
k's weight, G_k the squared gradients that it adds, lambda the prior's precision, and A = sum G_k
w_k, B = sum w_k, S = sum G_k the sums over all partitions that moved the coordinate. Starting from
weights of 0, evidence merging without partition k gives

    w_-k = (A + lambda B - (G_k + lambda) w_k) / (S - G_k + lambda)

which is `petafit.learners.online.merging.rules.Evidence` of the sums without k.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csc_array

from petafit.compiled import njit
from petafit.errors import ConfigurationError
from petafit.learners.base import Learner
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.csr import SparseRows, as_rows
from petafit.learners.online.merging.shard_summary import moved_coordinates
from petafit.learners.online.merging.summaries import only
from petafit.models.model import Model
from petafit.models.partition_summaries import KeptSummaries
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict

MOST_BYTES = 2 << 30
"""Limit of the memory of all models in a worker."""


@dataclass(frozen=True)
class Models:
    """Models of any learner: the full one, then those without a partition each."""

    models: tuple[StateDict, ...]

    def predictions(self, learner: Learner[Any], X: Any) -> Iterator[np.ndarray]:
        """Yield each model's predictions for some rows, in the form of ``learner.predict``."""
        return (learner.predict(model, X) for model in self.models)


@dataclass(frozen=True)
class Differences:
    """Models of a linear learner: the full one, and the others' differences.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_features + 1, n_outputs)
        Weights of the full model, the intercept last.
    indptr : ndarray of int64, shape (n_features + 2,)
        Start of each coordinate's differences.
    column : ndarray of int32, shape (n_differences,)
        ``partition * n_outputs + output``.
    difference : ndarray of float32, shape (n_differences,)
        The difference from the full model's weight.
    partitions : int
    """

    weights: np.ndarray
    indptr: np.ndarray
    column: np.ndarray
    difference: np.ndarray
    partitions: int

    def predictions(self, learner: Learner[Any], X: Any) -> Iterator[np.ndarray]:
        """Yield predictions as `Models.predictions`."""
        assert isinstance(learner, OnlineLearner)
        rows, outputs = as_rows(X), self.weights.shape[1]
        margins = learner.estimator.margins(rows, self.weights)
        yield learner.target.decode(margins)
        moved = moved_margins(
            rows, self.indptr, self.column, self.difference, self.partitions * outputs
        )
        for partition in moved.reshape(len(margins), self.partitions, outputs).swapaxes(0, 1):
            yield learner.target.decode(margins + partition.reshape(margins.shape))


_ARRAYS = tuple(each.name for each in fields(Differences) if each.name != "partitions")

Variants: TypeAlias = Models | Differences


def to_state_dict(reads: Signature, variants: Variants) -> StateDict:
    """Pack the models and their signature."""
    packed = StateDict()
    if isinstance(variants, Differences):
        arrays = {name: getattr(variants, name) for name in _ARRAYS}
        packed = StateDict(arrays, {"partitions": variants.partitions})
    else:
        for number, each in enumerate(variants.models):
            packed = packed | each.prefixed(f"{number:06d}")
    return packed.prefixed("variants") | reads.to_state_dict().prefixed("reads")


def from_state_dict(packed: StateDict) -> tuple[Model, Variants]:
    """Unpack what `to_state_dict` packed; the first model has no weights of its own."""
    model, held = Model.untrained(packed.part("reads")), packed.part("variants")
    if "partitions" in held.params:
        arrays = {name: held.arrays[name] for name in _ARRAYS}
        return model, Differences(**arrays, partitions=held.params["partitions"])
    numbers = sorted({name.partition("/")[0] for name in (*held.arrays, *held.params)})
    return model, Models(tuple(held.part(number) for number in numbers))


def leave_one_out(kept: KeptSummaries) -> Variants:
    """Return the model of all partitions, and those that lack one each, in their order.

    Raises
    ------
    ConfigurationError
        There is one partition only, or the models exceed the memory limit.
    StorageError
        A summary is missing or damaged.
    """
    if len(kept.partitions) < 2:
        raise ConfigurationError(
            "The influence of a partition is that of leaving it out",
            expected="two partitions with training rows, or more",
            got=len(kept.partitions),
            hint="Name another column in `training.keep_summaries`, or choose more rows.",
        )
    whole = kept.learner.predictive(kept.learner.finish(kept.merged()))
    if isinstance(kept.learner, OnlineLearner):
        return _differences(kept, whole.arrays["weights"])
    _check_size(sum(array.nbytes for array in whole.arrays.values()) * (len(kept.partitions) + 1))
    return Models((whole, *_others(kept)))


def _others(kept: KeptSummaries) -> Iterator[StateDict]:
    """Yield the models that lack a partition each."""
    learner, merged = kept.learner, kept.merged()
    for partition in kept.partitions:
        rest = learner.unmerge(merged, kept.summary(partition))
        yield learner.predictive(learner.finish(rest))


def _differences(kept: KeptSummaries, weights: np.ndarray) -> Differences:
    """Convert columns of differences, one for each partition and output, to rows by coordinate."""
    indices, data, size = [], [], 0
    for moved, difference in _moves(kept, weights):
        for output in difference.T:
            (at,) = np.nonzero(output)
            indices.append(moved[at])
            data.append(output[at].astype(np.float32))
            size += indices[-1].nbytes + data[-1].nbytes
        _check_size(size)
    ends = np.cumsum([0, *map(len, indices)])
    shape = (len(weights), len(indices))
    by_row = csc_array((np.concatenate(data), np.concatenate(indices), ends), shape=shape).tocsr()
    return Differences(
        weights,
        by_row.indptr.astype(np.int64),
        by_row.indices.astype(np.int32),
        by_row.data,
        len(kept.partitions),
    )


def _moves(kept: KeptSummaries, weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each partition the coordinates that it has moved, and their weights without it.

    All others do not change: the summaries are restricted to these coordinates before subtraction.
    """
    merged, intercept = kept.merged(), len(weights) - 1
    for partition in kept.partitions:
        own = kept.summary(partition)
        moved = moved_coordinates(own)
        if not len(moved) or moved[-1] != intercept:
            moved = np.append(moved, np.int32(intercept))
        learner = kept.learner_over(len(moved) - 1)
        rest = learner.finish(learner.unmerge(only(merged, moved), only(own, moved)))
        yield moved, rest.arrays["weights"].astype(np.float64) - weights[moved]


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise ConfigurationError(
            "The models that lack a partition each are too large to be held side by side",
            expected=f"at most {MOST_BYTES:,} bytes",
            got=f"{size:,}",
            hint="Train with a smaller `hash_bits`, or keep the summaries of coarser partitions.",
        )


@njit
def moved_margins(
    rows: SparseRows, indptr: np.ndarray, column: np.ndarray, difference: np.ndarray, n_columns: int
) -> np.ndarray:
    """Return the changes of each row's margins by the models' differences from a base model.

    Returns an array (n_rows, n_columns) of float64.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_features + 2,)
        Start of each coordinate's differences, the intercept's last.
    column : ndarray of int32, shape (n_differences,)
        Model and output of each difference.
    difference : ndarray of float32, shape (n_differences,)
    n_columns : int
        Number of models times outputs.
    """
    moved = np.zeros((len(rows.indptr) - 1, n_columns))
    bias = len(indptr) - 2
    for row in range(len(moved)):
        for at in range(indptr[bias], indptr[bias + 1]):
            moved[row, column[at]] += difference[at]
        for entry in range(rows.indptr[row], rows.indptr[row + 1]):
            coordinate, value = rows.indices[entry], rows.data[entry]
            for at in range(indptr[coordinate], indptr[coordinate + 1]):
                moved[row, column[at]] += value * difference[at]
    return moved
