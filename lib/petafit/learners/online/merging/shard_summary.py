"""The summary of one shard of an online learner, as the shard's own numbers.

The sums that `summaries.merge` adds up follow from them, and take five times the memory.
Coordinates that the shard has not moved are left out until two thirds have been moved.
"""

from collections.abc import Mapping

import numpy as np

from petafit.compiled import njit
from petafit.learners.online.merging.sparse_rows import add_at
from petafit.store.arrays import StateDict

_MOST = 2 / 3
"""From this share of moved coordinates on, an index takes more memory than the unmoved coordinates.
"""


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
    """Return a shard's summary.

    Parameters
    ----------
    weights : ndarray of shape (n_features + 1, n_outputs)
        Weights after the shard.
    moved : ndarray of bool, shape (n_features + 1, n_outputs) or (n_features + 1, 1)
        The coordinates that the shard has updated.
    squares, before : ndarray of the shape of `moved`
        Squared gradients after and before the shard: the difference is its evidence, 0 for
        coordinates that it has not moved.
    seen : ndarray of shape (n_classes,) or (1,)
        Number of the shard's rows with weight, by class for a classifier.
    rows : int
        Total number of these rows.
    weight : float, optional
        The sum of their weights; by default their number.
    z : ndarray of shape (n_features + 1, n_outputs), optional
        FTRL's z.
    """
    weight = rows if weight is None else weight
    met = moved.any(axis=1)
    sparse = np.count_nonzero(met) < _MOST * len(moved)
    at = np.flatnonzero(met).astype(np.int32) if sparse else slice(None)
    # a warm start adds the evidence to its squared gradients, which must be exact
    exact = np.float64 if before.any() else squares.dtype
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
    """Return whether a summary holds a single shard's numbers."""
    return summary.params["shards"] == 1 and "count" not in summary.arrays


def moved_coordinates(summary: StateDict) -> np.ndarray:
    """Return the coordinates that a shard has moved, ascending, int32."""
    index = summary.arrays.get("index")
    if index is not None:
        return index
    return np.flatnonzero(own_sum(summary.arrays, "count").any(axis=1)).astype(np.int32)


def own_sum(own: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return one of the sums over a single shard, 0 where it moved nothing."""
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
    """Add a single shard's numbers to sums at these positions, as `own_sum` would give them."""
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
    """Add in a single loop: numpy would make ten temporaries over all coordinates."""
    apart = np.uint64(evidence.shape[1] > 1)  # 0 if all outputs share a column
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
