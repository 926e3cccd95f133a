"""Gradient and curvature of a linear model over all rows: exact, whatever the shards."""

from dataclasses import dataclass

import numpy as np

from petafit.aggregate.law import Aggregator
from petafit.aggregate.memory import make_room
from petafit.compiled import njit
from petafit.features.batch import Batch
from petafit.learners import losses
from petafit.learners.coordinates import added, union
from petafit.learners.learner import labels_of
from petafit.learners.online_learner import OnlineLearner
from petafit.learners.rows import Rows, as_rows
from petafit.store.arrays import Named


@dataclass
class FullBatchState:
    """The weights, and sums over rows: the loss's first and second derivatives by each weight."""

    weights: np.ndarray
    seen: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray
    rows: int = 0


class FullBatch(Aggregator[FullBatchState, Batch, Named]):
    """``g = sum s x`` and ``h = sum q x**2`` with a row's slope s and curvature q of its margins.

    Parameters
    ----------
    learner : OnlineLearner
        Whose models are the starts; its loss has a second derivative.
    """

    def __init__(self, learner: OnlineLearner) -> None:
        self.learner = learner

    def start(self, model: Named | None = None) -> FullBatchState:
        assert model is not None
        weights = model.arrays["weights"]
        zeros = np.zeros(weights.shape), np.zeros(weights.shape)
        return FullBatchState(weights, model.arrays["seen"], *zeros)

    def reduce(self, state: FullBatchState, batch: Batch) -> FullBatchState:
        rows, learner = as_rows(batch.X), self.learner
        outputs = state.weights.shape[1]
        margins = learner.estimator.margins(rows, state.weights).reshape(-1, outputs)
        weight = learner.weigh(batch, state.seen)
        _, slopes = losses.total(
            learner.estimator.loss,
            margins,
            learner.target.encode(labels_of(batch, learner.name)),
            weight,
            learner.estimator.quantile,
        )
        bends = weight[:, None] * losses.curvatures(learner.estimator.loss, margins)
        _accumulate(rows, slopes, bends, state.gradient, state.curvature)
        state.rows += len(weight)
        return state

    def lift(self, state: FullBatchState) -> Named:
        make_room(state.gradient.nbytes + state.curvature.nbytes)
        # Of a row that is sure the curvature rounds to 0, and its gradient may be as large as any.
        met = (state.curvature != 0) | (state.gradient != 0)
        index = np.flatnonzero(met.any(axis=1)).astype(np.int32)
        arrays = {
            "index": index,
            "gradient": state.gradient[index],
            "curvature": state.curvature[index],
        }
        return Named(arrays, {"rows": state.rows, "coordinates": len(state.weights)})

    def merge(self, left: Named, right: Named) -> Named:
        if not left.params["rows"] or not right.params["rows"]:
            return left if left.params["rows"] else right
        total = left.params["coordinates"]
        ours, theirs = left.arrays.get("index"), right.arrays.get("index")
        both = union(ours, theirs, total)
        arrays = {
            name: added(left.arrays[name], ours, right.arrays[name], theirs, over=both, total=total)
            for name in ("gradient", "curvature")
        }
        if both is not None:
            arrays["index"] = both
        rows = left.params["rows"] + right.params["rows"]
        return Named(arrays, {"rows": rows, "coordinates": total})

    def finish(self, summary: Named, model: Named | None = None) -> Named:
        return summary

    def dump(self, state: FullBatchState) -> Named:
        arrays = {name: a.copy() for name, a in vars(state).items() if name != "rows"}
        return Named(arrays, {"rows": state.rows})

    def load(self, dumped: Named) -> FullBatchState:
        arrays = {name: array.copy() for name, array in dumped.arrays.items()}
        return FullBatchState(**arrays, rows=dumped.params["rows"])


@njit
def _accumulate(
    rows: Rows,
    slopes: np.ndarray,
    bends: np.ndarray,
    gradient: np.ndarray,
    curvature: np.ndarray,
) -> None:
    indptr, indices, data = rows
    for row in range(len(indptr) - 1):
        for k in range(indptr[row], indptr[row + 1]):
            j, x = indices[k], np.float64(data[k])
            for c in range(slopes.shape[1]):
                gradient[j, c] += slopes[row, c] * x
                curvature[j, c] += bends[row, c] * x * x
        for c in range(slopes.shape[1]):
            gradient[-1, c] += slopes[row, c]
            curvature[-1, c] += bends[row, c]
