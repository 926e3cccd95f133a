"""A linear model's loss and its derivatives over all rows: exact for any number of shards."""

from dataclasses import dataclass

import numpy as np

from petafit.aggregate.aggregator import Aggregator
from petafit.aggregate.memory import make_room
from petafit.compiled import njit
from petafit.features.encoding.batch import Batch
from petafit.learners.base import labels_of
from petafit.learners.online import losses
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.csr import SparseRows, as_rows, longest
from petafit.learners.online.merging.sparse_rows import added, union
from petafit.store.arrays import StateDict

SHORTER = (1 / 4, 1 / 16, 1 / 64)
"""Fractions of the last step at which the loss is measured, too: if the full step was too long, the
same pass determines a shorter one.
"""

_SUMS = ("losses", "weight", "block")


@dataclass
class FullBatchState:
    """Sums of a pass, and the weights at which they are taken.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_features + 1, n_outputs)
    before : ndarray of float32, of the same shape, or None
        The weights before the last step.
    seen : ndarray
        As in `Memory`.
    losses : ndarray of shape (1 + len(SHORTER),)
        Weighted sums of losses, at `weights` and at the `SHORTER` steps.
    weight : ndarray of shape (1,)
        Sum of the rows' weights.
    gradient, curvature : ndarray of float64, shape (n_features + 1, n_outputs)
    block : ndarray of float64, shape (n_block, n_block)
        Only the upper triangle is used.
    places : ndarray of int32, shape (n_features + 1,)
        Position of each coordinate in the block, or -1.
    """

    weights: np.ndarray
    before: np.ndarray | None
    seen: np.ndarray
    losses: np.ndarray
    weight: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray
    block: np.ndarray
    places: np.ndarray
    rows: int = 0


class FullBatch(Aggregator[FullBatchState, Batch, StateDict]):
    """Sums over rows of the loss, its gradient g, a diagonal bound h of the Hessian, and a block of
    it.

    For each output, with a row's features x (n_features + 1,), 1 at the intercept, and the first
    and second derivatives s and q of its weighted loss by the margin, the sums over rows are::

        g_j = sum s x_j
        h_j = sum q |x_j| sum_k |x_k|

    and, for the coordinates of the block, ``A = sum q x x'``, q being summed over outputs.

    Derivation: the Hessian is ``H = sum q x x'``. By Cauchy and Schwarz, for every v and each row,
    ``(sum_j x_j v_j)**2 <= (sum_k |x_k|) (sum_j |x_j| v_j**2)``. Times q and summed over rows, that
    is ``v' H v <= sum_j h_j v_j**2``, for any correlation of the features.

    Parameters
    ----------
    learner : OnlineLearner
        Its loss must have a second derivative. `start` takes a dict with its models' ``weights``
        and ``seen``; ``before``, the weights at the last point; and ``block``, the coordinates of
        the block, ascending.
    """

    def __init__(self, learner: OnlineLearner) -> None:
        self.learner = learner

    def start(self, model: StateDict | None = None) -> FullBatchState:
        assert model is not None
        weights, chosen = model.arrays["weights"], model.arrays.get("block", np.empty(0, np.int32))
        places = np.full(len(weights), -1, np.int32)
        places[chosen] = np.arange(len(chosen))
        return FullBatchState(
            weights,
            model.arrays.get("before"),
            model.arrays["seen"],
            losses=np.zeros(1 + len(SHORTER)),
            weight=np.zeros(1),
            gradient=np.zeros(weights.shape),
            curvature=np.zeros(weights.shape),
            block=np.zeros((len(chosen), len(chosen))),
            places=places,
        )

    def reduce(self, state: FullBatchState, batch: Batch) -> FullBatchState:
        rows, learner = as_rows(batch.X), self.learner
        loss, quantile = learner.estimator.loss, learner.estimator.quantile
        target = learner.target.encode(labels_of(batch, learner.name))
        weight = learner.weigh(batch, state.seen)
        margins = self._margins(rows, state.weights)
        values, slopes = losses.of_rows(loss, margins, target, quantile)
        bends = weight[:, None] * losses.curvatures(loss, slopes, target)
        _accumulate(rows, weight[:, None] * slopes, bends, state.gradient, state.curvature)
        if state.block.size:
            _accumulate_block(rows, bends.sum(axis=1), state.places, state.block)
        state.losses[0] += weight @ values
        if state.before is not None:
            first = self._margins(rows, state.before)
            for number, share in enumerate(SHORTER, start=1):
                between = first + share * (margins - first)
                values, _ = losses.of_rows(loss, between, target, quantile)
                state.losses[number] += weight @ values
        state.weight += weight.sum()
        state.rows += len(weight)
        return state

    def progress(self, state: FullBatchState) -> float | None:
        return float(state.losses[0] / state.weight[0]) if state.weight[0] else None

    def lift(self, state: FullBatchState) -> StateDict:
        make_room(state.gradient.nbytes + state.curvature.nbytes)
        # For a confident row the curvature rounds to 0, yet its gradient may be of any size.
        met = (state.curvature != 0) | (state.gradient != 0)
        index = np.flatnonzero(met.any(axis=1)).astype(np.int32)
        arrays = {
            "index": index,
            "gradient": state.gradient[index],
            "curvature": state.curvature[index],
            "losses": state.losses,
            "weight": state.weight,
            "block": state.block,
        }
        return StateDict(arrays, {"rows": state.rows, "coordinates": len(state.weights)})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        if not left.params["rows"] or not right.params["rows"]:
            return left if left.params["rows"] else right
        total = left.params["coordinates"]
        ours, theirs = left.arrays.get("index"), right.arrays.get("index")
        both = union(ours, theirs, total)
        arrays = {
            name: added(left.arrays[name], ours, right.arrays[name], theirs, over=both, total=total)
            for name in ("gradient", "curvature")
        }
        arrays |= {name: left.arrays[name] + right.arrays[name] for name in _SUMS}
        if both is not None:
            arrays["index"] = both
        rows = left.params["rows"] + right.params["rows"]
        return StateDict(arrays, {"rows": rows, "coordinates": total})

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        return summary

    def dump(self, state: FullBatchState) -> StateDict:
        arrays = {name: a.copy() for name, a in vars(state).items() if isinstance(a, np.ndarray)}
        return StateDict(arrays, {"rows": state.rows})

    def load(self, dumped: StateDict) -> FullBatchState:
        arrays = {name: array.copy() for name, array in dumped.arrays.items()}
        before = arrays.pop("before", None)
        return FullBatchState(before=before, **arrays, rows=dumped.params["rows"])

    def _margins(self, rows: SparseRows, weights: np.ndarray) -> np.ndarray:
        return self.learner.estimator.margins(rows, weights).reshape(-1, weights.shape[1])


@njit
def _accumulate(
    rows: SparseRows,
    slopes: np.ndarray,
    bends: np.ndarray,
    gradient: np.ndarray,
    curvature: np.ndarray,
) -> None:
    indptr, indices, data = rows
    for row in range(len(indptr) - 1):
        size = 1.0
        for k in range(indptr[row], indptr[row + 1]):
            size += abs(np.float64(data[k]))
        for k in range(indptr[row], indptr[row + 1]):
            j, x = indices[k], np.float64(data[k])
            for c in range(slopes.shape[1]):
                gradient[j, c] += slopes[row, c] * x
                curvature[j, c] += bends[row, c] * abs(x) * size
        for c in range(slopes.shape[1]):
            gradient[-1, c] += slopes[row, c]
            curvature[-1, c] += bends[row, c] * size


@njit
def _accumulate_block(
    rows: SparseRows, bends: np.ndarray, places: np.ndarray, block: np.ndarray
) -> None:
    """Add to the upper triangle of ``sum q x x'``; a row's entries are gathered first."""
    indptr, indices, data = rows
    most = longest(indptr) + 1
    own, values = np.empty(most, np.int64), np.empty(most)
    for row in range(len(indptr) - 1):
        count = 0
        for k in range(indptr[row], indptr[row + 1]):
            place = places[indices[k]]
            own[count], values[count] = place, data[k]
            count += place >= 0
        if places[-1] >= 0:
            own[count], values[count] = places[-1], 1.0
            count += 1
        for a in range(count):
            scaled = bends[row] * values[a]
            for b in range(count):
                if own[a] <= own[b]:
                    block[own[a], own[b]] += scaled * values[b]
