"""petafit's online learners as aggregators: sequential within a shard, merged between shards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from petafit.errors import ConfigurationError
from petafit.features.batch import Batch
from petafit.learners import kernels
from petafit.learners.learner import Learner, labels_of
from petafit.learners.merging import (
    Sums,
    find_rule,
    merged_squared_gradients,
    merged_weights,
    sums_of_shard,
)
from petafit.learners.online import OnlineLinearClassifier
from petafit.learners.optimizers import UNWEIGHTED, as_rows
from petafit.learners.parameters import build
from petafit.store.arrays import Named

_SQUARES = "squared_gradients"

_FIT_ONLY = {
    "max_iter": "Set `training.rounds`.",
    "shuffle": "Rows are taken in the order in which the table holds them.",
    "random_state": "Nothing here is random.",
}


@dataclass
class OnlineState:
    """What a shard has learnt so far.

    Attributes
    ----------
    table : ndarray of shape (n_features + 1, 2)
        The optimizer's numbers; `start` as they were before the shard.
    rows : int
        Rows learned from.
    """

    table: np.ndarray
    start: np.ndarray
    rows: int


class OnlineLearner(Learner[OnlineState]):
    """`OnlineLinearClassifier` over shards.

    Parameters
    ----------
    params : mapping
        Of the estimator; those of its `fit` alone are refused.
    n_features : int
    n_classes : int or None
    merge : str
        A rule of `petafit.learners.merging`, or ``auto``.

    Raises
    ------
    ConfigurationError
        Unknown or invalid parameters, or other than two classes.
    """

    name = "petafit.OnlineLinearClassifier"
    kind = "classifier"
    output = "probability"

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        n_features: int,
        n_classes: int | None,
        merge: str = "auto",
    ) -> None:
        if n_classes not in (None, 2):
            raise ConfigurationError(
                f"{self.name} tells two classes apart",
                expected="2 classes",
                got=n_classes,
                hint="Choose `sklearn.SGDClassifier`, which takes more.",
            )
        estimator = build(OnlineLinearClassifier, params, name=self.name, refused=_FIT_ONLY)
        self.optimizer = estimator.make_optimizer()
        self.n_features = n_features
        self.rule = find_rule(merge)

    def start(self, model: Named | None = None) -> OnlineState:
        start = self._table_of(model)
        return OnlineState(start.copy(), start, 0)

    def progressive(self, state: OnlineState, batch: Batch) -> tuple[OnlineState, np.ndarray]:
        weight = UNWEIGHTED if batch.weight is None else batch.weight
        target = labels_of(batch, self.name)
        margins = self.optimizer.update(as_rows(batch.X), target, weight, state.table)
        return OnlineState(state.table, state.start, state.rows + len(margins)), expit(margins)

    def lift(self, state: OnlineState) -> Named:
        return sums_of_shard(
            weights=self.optimizer.weights(state.table),
            table=state.table,
            start=state.start,
            rows=state.rows,
            with_z=self.optimizer.first == "z",
        ).to_named()

    def merge(self, left: Named, right: Named) -> Named:
        return (Sums.from_named(left) + Sums.from_named(right)).to_named()

    def finish(self, summary: Named, model: Named | None = None) -> Named:
        sums, start = Sums.from_named(summary), self._table_of(model)
        weights = merged_weights(self.rule, sums, self.optimizer.weights(start))
        squared_gradients = merged_squared_gradients(sums, start[:, 1])
        return self._model_of(self.optimizer.table(weights, squared_gradients, sums, start))

    def predict(self, model: Named, X: Any) -> np.ndarray:
        margins = kernels.margins(*as_rows(X), model.arrays["weights"])
        return np.asarray(expit(margins))

    def dump(self, state: OnlineState) -> Named:
        arrays = {"table": state.table.copy(), "start": state.start}
        return Named(arrays, {"rows": state.rows})

    def load(self, dumped: Named) -> OnlineState:
        return OnlineState(
            dumped.arrays["table"].copy(), dumped.arrays["start"], dumped.params["rows"]
        )

    def _model_of(self, table: np.ndarray) -> Named:
        return Named(
            {
                "weights": self.optimizer.weights(table),
                self.optimizer.first: table[:, 0].copy(),
                _SQUARES: table[:, 1].copy(),
            }
        )

    def _table_of(self, model: Named | None) -> np.ndarray:
        """The table of a finished model, or zeros."""
        if model is None:
            return np.zeros((self.n_features + 1, 2), np.float32)
        needed, wanted = (self.optimizer.first, _SQUARES), (self.n_features + 1,)
        shapes = {name: array.shape for name, array in model.arrays.items()}
        if any(shapes.get(name) != wanted for name in needed):
            raise ConfigurationError(
                f"{self.name} cannot go on from this model",
                expected=f"{' and '.join(needed)} of shape {wanted}",
                got=shapes,
                hint="Start without a model, or keep `hash_bits` and `learner` as they were.",
            )
        return np.column_stack([model.arrays[name] for name in needed])
