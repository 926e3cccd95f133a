"""scikit-learn's bundled digits in 20 shards, and learners fitted to them."""

from collections.abc import Sequence
from functools import cache, reduce
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.datasets import load_digits

from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner
from petafit.learners.sklearn.learner import SklearnLearner
from petafit.store.arrays import StateDict

SHARDS = 20
TRAIN, TEST = slice(0, 1400), slice(1400, None)
N_CLASSES, N_FEATURES = 10, 64


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Grey levels in 0..1, (1797, 64), and the digits."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y.astype(np.float64)


def learner(name: str, *, n_classes: int | None = N_CLASSES, **params: Any) -> SklearnLearner:
    return SklearnLearner(
        name, params, n_features=N_FEATURES, n_classes=n_classes, rows=1400, seed=0
    )


def shards_of(rows: int, shards: int, kind: str) -> list[np.ndarray]:
    """Positions of the rows of each shard, dealt in turn or in runs."""
    positions = np.arange(rows)
    if kind == "dealt":
        return [positions[k::shards] for k in range(shards)]
    return np.array_split(positions, shards)


def batches(
    learner: Learner[Any],
    X: np.ndarray,
    y: np.ndarray | None,
    weight: np.ndarray | None = None,
    *,
    rows: int = 35,
) -> list[Batch]:
    """Batches of so many rows, in the layout and the type that the learner wants."""
    wanted = X.astype(learner.dtype)
    matrix = csr_array(wanted) if learner.layout == "csr" else wanted
    return [
        Batch(
            matrix[begin : begin + rows],
            None if y is None else y[begin : begin + rows],
            None if weight is None else weight[begin : begin + rows],
        )
        for begin in range(0, len(X), rows)
    ]


def summaries(
    learner: Learner[Any], shards: Sequence[Sequence[Batch]], model: StateDict | None = None
) -> list[StateDict]:
    return [learner.lift(reduce(learner.reduce, shard, learner.start(model))) for shard in shards]


def fitted(
    learner: Learner[Any], shards: Sequence[Sequence[Batch]], *, rounds: int = 1
) -> StateDict:
    """The model after rounds over the shards, merged at the end of each."""
    model = None
    for _ in range(rounds):
        merged = reduce(learner.merge, summaries(learner, shards, model))
        model = learner.finish(merged, model)
    assert model is not None
    return model
