"""Metrics of a recommender, over the rows whose user and item it knows.

Of ratings they are those of a regressor. Where the label counts what users did, r_ui of user u and
item i, it is the mean percentile rank of what they did later::

    sum_ui r_ui rank_ui / sum_ui r_ui

with rank_ui the place of item i among all items in the order of u's predicted preferences: 0 for
the first, 1 for the last. It is .5 for items in random order, and lower is better. What a user did
not do is no sign of dislike, so that no metric of false recommendations is defined.

References
----------
Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008, eq. 8.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from petafit.aggregate.aggregator import Aggregator, Composite
from petafit.errors import EmptyInputError
from petafit.evaluation.evaluate import StartedModel
from petafit.evaluation.metrics import Figures, Metrics, Scored
from petafit.evaluation.regression import RegressionMetrics
from petafit.learners.objective import PERCENTILE_RANK
from petafit.store.arrays import StateDict


class EvaluateRecommender(Composite[pa.RecordBatch, Figures]):
    """Metrics of the recommender that it is started with.

    Parameters
    ----------
    implicit : bool
        The label counts what users did, and does not rate items.
    """

    def __init__(self, *, implicit: bool) -> None:
        self.implicit = implicit
        self.model = StartedModel("evaluate")
        self.metrics = PercentileRanks() if implicit else RegressionMetrics()
        self.coverage = Coverage()
        parts = {"model": self.model, "metrics": self.metrics, "coverage": self.coverage}
        super().__init__(parts)

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        return {
            "model": self.model.start(model),
            "metrics": self.metrics.start(),
            "coverage": self.coverage.start(),
        }

    def reduce(self, state: dict[str, Any], batch: pa.RecordBatch) -> dict[str, Any]:
        model = state["model"]
        weight = model.encoder.weights(batch)
        own = np.ones(batch.num_rows) if weight is None else weight
        users, items = model.positions(batch)
        known = (users >= 0) & (items >= 0) & (own != 0)
        y = np.ones(batch.num_rows)
        if model.encoder.label is not None:
            y = model.encoder.targets(batch)[0]
        users, items = users[known], items[known]
        of = model.factors.percentile_ranks if self.implicit else model.factors.preferences
        scored = Scored(y[known], of(users, items), own[known])
        return {
            "model": model,
            "metrics": self.metrics.reduce(state["metrics"], scored),
            "coverage": self.coverage.reduce(state["coverage"], (own, known)),
        }

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Figures:
        """Return the metrics, and how many rows have an unknown user or item.

        Raises
        ------
        EmptyInputError
            There are no rows, or none of them can be measured.
        """
        coverage = self.coverage.finish(summary.part("coverage"))
        metrics = summary.part("metrics")
        if coverage["unknown_share"] == 1:
            raise EmptyInputError(
                "No row to measure has both a user and an item of the training rows",
                hint="Check `split`: hold out rows of users, not whole users or items.",
            )
        figures = self.metrics.finish(metrics)
        if not self.implicit:
            squared = figures["mean_squared_error"]
            assert squared is not None
            figures = {"root_mean_squared_error": float(np.sqrt(squared)), **figures}
        return {**figures, **coverage}


class Coverage(Aggregator[StateDict, tuple[np.ndarray, np.ndarray], Figures]):
    """The weight of all rows, and of those with an unknown user or item.

    Its batches are the rows' weights, and which of them are known, (n_rows,) each.
    """

    def start(self, model: StateDict | None = None) -> StateDict:
        return StateDict({"rows": np.zeros(()), "unknown": np.zeros(())})

    def reduce(self, state: StateDict, batch: tuple[np.ndarray, np.ndarray]) -> StateDict:
        weight, known = batch
        seen = {"rows": weight.sum(), "unknown": weight[~known].sum()}
        return self.merge(state, StateDict({n: np.asarray(v, float) for n, v in seen.items()}))

    def lift(self, state: StateDict) -> StateDict:
        return state

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return StateDict(
            {name: np.asarray(sums + right.arrays[name]) for name, sums in left.arrays.items()}
        )

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Figures:
        rows, unknown = (float(summary.arrays[name]) for name in ("rows", "unknown"))
        return {"unknown_rows": unknown, "unknown_share": unknown / rows if rows else 0.0}


class PercentileRanks(Metrics):
    """The mean percentile rank; takes counts as labels, and percentile ranks as predictions."""

    loss_name = PERCENTILE_RANK.name

    def row_losses(self, batch: Scored) -> np.ndarray:
        return np.asarray(batch.prediction)

    def measure(self, batch: Scored) -> StateDict:
        counts = batch.weights * batch.y
        sums = {"weight": counts.sum(), "ranks": counts @ batch.prediction}
        return StateDict({name: np.asarray(value, float) for name, value in sums.items()})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return StateDict(
            {name: np.asarray(sums + right.arrays[name]) for name, sums in left.arrays.items()}
        )

    def figures(self, summary: StateDict) -> Figures:
        ranks, weight = (float(summary.arrays[name]) for name in ("ranks", "weight"))
        return {self.loss_name: ranks / weight}
