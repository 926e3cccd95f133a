"""What one shard has to say of the model that an online learner trained on it, in its own numbers.

Its sums, which `merge_summaries` adds up, follow from them, and take five times the room.
Coordinates that it has not moved are left out until two thirds have been.
"""

from collections.abc import Mapping

import numpy as np

from petafit.compiled import njit
from petafit.learners.online.merging.sparse_rows import add_at
from petafit.store.arrays import StateDict

_MOST = 2 / 3
"""From this share of moved coordinates on an index takes more room than those that did not move."""


def shard_numbers(
    *,
    weights: np.ndarray,
    moved: np.ndarray,
    squares: np.ndarray,
    before: np.ndarray,
    seen: np.ndarray,
    rows: int,
    weight: float | None = None,
    z: np.ndarray | None = None,
) -> StateDict:
    """The numbers of a shard.

    Parameters
    ----------
    weights : ndarray of shape (n_features + 1, n_outputs)
        After the shard.
    moved : ndarray of bool, shape (n_features + 1, n_outputs) or (n_features + 1, 1)
        The coordinates that the shard has learnt of.
    squares, before : ndarray of the shape of `moved`
        Squared gradients after the shard and before it: the difference is its evidence. It is 0
        where the shard moved nothing.
    seen : ndarray of shape (n_classes,) or (1,)
        The shard's rows with weight.
    rows : int
        All these rows.
    weight : float, optional
        The sum of their weights; their number where all weigh 1.
    z : ndarray of shape (n_features + 1, n_outputs), optional
        FTRL's.
    """
    weight = rows if weight is None else weight
    met = moved.any(axis=1)
    sparse = np.count_nonzero(met) < _MOST * len(moved)
    at = np.flatnonzero(met).astype(np.int32) if sparse else slice(None)
    exact = np.float64 if before.any() else squares.dtype  # for what is added to the start again
    touched = moved[at]
    arrays = {
        "weights": np.ascontiguousarray(weights[at]),
        "evidence": np.subtract(squares[at], before[at], dtype=exact),
        "row_intercepts": weight * weights[-1].astype(np.float64),
        "seen": seen,
    }
    if isinstance(at, np.ndarray):
        arrays["index"] = at
    if not touched.all():
        arrays["moved"] = touched
    if z is not None:
        arrays["z"] = np.ascontiguousarray(z[at])
    counts = {"shards": int(rows > 0), "rows": rows, "weight": weight}
    return StateDict(arrays, {**counts, "coordinates": len(weights)})


def is_of_one(summary: StateDict) -> bool:
    """Whether it holds one shard's own numbers."""
    return summary.params["shards"] == 1 and "count" not in summary.arrays


def moved_coordinates(summary: StateDict) -> np.ndarray:
    """The coordinates that a shard has moved, rising, int32."""
    index = summary.arrays.get("index")
    if index is not None:
        return index
    return np.flatnonzero(own_sum(summary.arrays, "count").any(axis=1)).astype(np.int32)


def own_sum(own: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """A shard's own numbers as sums, 0 where it moved nothing."""
    match name:
        case "count":
            return np.where(own.get("moved", True), np.ones(own["evidence"].shape, np.int32), 0)
        case "evidence_squared":
            return own["evidence"].astype(np.float64) ** 2
        case "evidence_weights":
            return own["evidence"] * own_sum(own, "weights")
    values = own[name].astype(np.float64)
    return np.where(own["moved"], values, 0.0) if "moved" in own else values


def add_own(
    own: Mapping[str, np.ndarray], places: np.ndarray | slice, sums: Mapping[str, np.ndarray]
) -> None:
    """Add a shard's own numbers, as `own_sum` has them, to sums at these places."""
    weights, evidence, moved = own["weights"], own["evidence"], own.get("moved")
    _add_own(
        np.arange(len(weights)) if isinstance(places, slice) else places,
        np.ones(evidence.shape, bool) if moved is None else moved,
        weights,
        evidence,
        sums["count"],
        sums["weights"],
        sums["evidence"],
        sums["evidence_squared"],
        sums["evidence_weights"],
    )
    if "z" in sums:
        add_at(own_sum(own, "z"), places, sums["z"])


@njit
def _add_own(
    places: np.ndarray,
    moved: np.ndarray,
    weights: np.ndarray,
    evidence: np.ndarray,
    count: np.ndarray,
    sum_weights: np.ndarray,
    sum_evidence: np.ndarray,
    evidence_squared: np.ndarray,
    evidence_weights: np.ndarray,
) -> None:
    """In one walk: numpy makes ten arrays of all coordinates on the way."""
    apart = np.uint64(evidence.shape[1] > 1)  # 0 where all outputs share a column
    for k in range(np.uint64(len(places))):
        place = np.uint64(places[k])
        for c in range(np.uint64(evidence.shape[1])):
            if moved[k, c]:
                gained = np.float64(evidence[k, c])
                count[place, c] += 1
                sum_evidence[place, c] += gained
                evidence_squared[place, c] += gained * gained
        for c in range(np.uint64(weights.shape[1])):
            own = c * apart
            if moved[k, own]:
                weight = np.float64(weights[k, c])
                sum_weights[place, c] += weight
                evidence_weights[place, c] += evidence[k, own] * weight
