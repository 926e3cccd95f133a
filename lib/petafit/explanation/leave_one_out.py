"""All models that lack one partition each, as small as they can be kept side by side.

Of a linear learner they are held as differences from the whole model. A partition changes only the
weights of the coordinates that it has moved: with G_k what it adds to their squared gradients, w_k
its weights, lambda the prior, and A = sum G w, B = sum w, S = sum G over all partitions that moved
a coordinate, evidence merging gives, from weights 0,

    w_-k = (A + lambda B - (G_k + lambda) w_k) / (S - G_k + lambda)

which is what `petafit.learners.online.merging.rules.Evidence` makes of the sums without k.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csc_array

from petafit.errors import ConfigurationError
from petafit.explanation.kernels import moved_margins
from petafit.learners.base import Learner
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.csr import as_rows
from petafit.learners.online.merging.merge_summaries import only
from petafit.learners.online.merging.shard_summary import moved_coordinates
from petafit.models.partition_summaries import KeptSummaries
from petafit.store.arrays import StateDict

MOST_BYTES = 2 << 30
"""Of all models that a worker holds."""


@dataclass(frozen=True)
class Models:
    """Models of any learner: the whole one, then those without a partition each."""

    models: tuple[StateDict, ...]

    def predictions(self, learner: Learner[Any], X: Any) -> Iterator[np.ndarray]:
        """Each model's predictions for some rows, as ``learner.predict`` gives them."""
        return (learner.predict(model, X) for model in self.models)


@dataclass(frozen=True)
class Differences:
    """Models of a linear learner: the whole one, and what the others have instead.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_features + 1, n_outputs)
        Of the whole model, the intercept last.
    indptr : ndarray of int64, shape (n_features + 2,)
        Where each coordinate's differences begin.
    column : ndarray of int32, shape (n_differences,)
        ``partition * n_outputs + output``.
    difference : ndarray of float32, shape (n_differences,)
        To be added to the weight.
    partitions : int
    """

    weights: np.ndarray
    indptr: np.ndarray
    column: np.ndarray
    difference: np.ndarray
    partitions: int

    def predictions(self, learner: Learner[Any], X: Any) -> Iterator[np.ndarray]:
        """As of `Models`."""
        assert isinstance(learner, OnlineLearner)
        rows, outputs = as_rows(X), self.weights.shape[1]
        margins = learner.estimator.margins(rows, self.weights)
        yield learner.target.decode(margins)
        moved = moved_margins(
            rows, self.indptr, self.column, self.difference, self.partitions * outputs
        )
        for partition in moved.reshape(len(margins), self.partitions, outputs).swapaxes(0, 1):
            yield learner.target.decode(margins + partition.reshape(margins.shape))


Variants: TypeAlias = Models | Differences


def leave_one_out(kept: KeptSummaries) -> Variants:
    """The model of all partitions, and those that lack one each, in their order.

    Raises
    ------
    ConfigurationError
        There is one partition only, or the models are too large to be held side by side.
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
    """The models that lack a partition each."""
    learner, merged = kept.learner, kept.merged()
    for partition in kept.partitions:
        rest = learner.unmerge(merged, kept.summary(partition))
        yield learner.predictive(learner.finish(rest))


def _differences(kept: KeptSummaries, weights: np.ndarray) -> Differences:
    """Columns of differences, one a partition and output, turned into rows, one a coordinate."""
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
    """For each partition the coordinates that it has moved, and what they become without it.

    All others stay: the summaries are cut down to these coordinates before they are taken apart.
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
