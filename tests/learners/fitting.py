"""Models and summaries of learners fitted to batches, and their comparison."""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce as fold
from typing import Any

import numpy as np
import pytest

from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner
from petafit.store.arrays import StateDict


def learned(learner: Learner[Any], batches: Iterable[Batch], model: StateDict | None = None) -> Any:
    return fold(learner.reduce, batches, learner.start(model))


def summary(
    learner: Learner[Any], batches: Iterable[Batch], model: StateDict | None = None
) -> StateDict:
    return learner.lift(learned(learner, batches, model))


def model_of(learner: Learner[Any], batches: Iterable[Batch]) -> StateDict:
    return learner.finish(summary(learner, batches))


def merged(
    learner: Learner[Any], batches: Iterable[Batch], model: StateDict | None = None
) -> StateDict:
    """The model of shards of one batch each."""
    shards = [summary(learner, [batch], model) for batch in batches]
    return learner.finish(fold(learner.merge, shards), model)


def of_class(batch: Batch, wanted: int) -> Batch:
    chosen = batch.y == wanted
    return Batch(batch.X[chosen], batch.y[chosen])


def assert_close(left: StateDict, right: StateDict, tolerance: float, floor: float = 1e-12) -> None:
    assert left.arrays.keys() == right.arrays.keys()
    for name, array in left.arrays.items():
        other = right.arrays[name]
        assert array.dtype == other.dtype
        np.testing.assert_allclose(array, other, rtol=tolerance, atol=floor, err_msg=name)
    ours, theirs = [*leaves(left.params)], [*leaves(right.params)]
    assert ours == pytest.approx(theirs, rel=tolerance, abs=floor)


def leaves(value: Any) -> Iterator[Any]:
    """The numbers and strings of nested parameters, keys included."""
    if isinstance(value, Mapping):
        value = [part for item in sorted(value.items()) for part in item]
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value
