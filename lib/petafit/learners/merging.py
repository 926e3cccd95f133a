"""What shards say of the models that online learners trained on them, and how it adds up.

Every shard starts from the same weights w0 and reports sums over coordinates: how many shards moved
it (c), and over those W = sum w, S = sum G, SS = sum G**2 and SW = sum G w, where G is what the
shard added to the coordinate's squared gradients: its evidence. The sums are float64 and add up in
any grouping; the rules of `petafit.learners.merge_rules` turn them into weights.

Coordinates that no shard moved are left out: of sums until a quarter was moved, of a shard's own
numbers until two thirds were.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from petafit.learners.coordinates import added, subtracted, taken, union
from petafit.store.arrays import Named

_MATRICES = ("count", "weights", "evidence", "evidence_squared", "evidence_weights", "z")

_MOST = 2 / 3
"""From this share of moved coordinates on an index takes more room than those that did not move."""


@dataclass(frozen=True)
class Sums:
    """Sums over shards, each array (n_coordinates, n_outputs).

    What is the same for all outputs may have one column instead.

    Attributes
    ----------
    index : ndarray of int32, shape (n_coordinates,), or None
        The features meant, rising, with the intercept last; None: all.
    count : ndarray of int32
        Shards that moved the coordinate; only these enter the other arrays.
    weights : ndarray of float64
        Of w.
    evidence, evidence_squared, evidence_weights : ndarray of float64
        Of G, G**2 and G w.
    shards, rows : int
        Shards that had rows, and their rows.
    row_intercepts : ndarray of float64, shape (n_outputs,)
        Of rows times intercept.
    seen : ndarray of float64, shape (n_classes,) or (1,)
        Of the rows with weight, by their class where there are classes.
    z : ndarray of float64, optional
        Of FTRL's z.
    """

    count: np.ndarray
    weights: np.ndarray
    evidence: np.ndarray
    evidence_squared: np.ndarray
    evidence_weights: np.ndarray
    shards: int
    rows: int
    row_intercepts: np.ndarray
    seen: np.ndarray
    z: np.ndarray | None = None
    index: np.ndarray | None = None

    @classmethod
    def from_named(cls, summary: Named) -> "Sums":
        """The sums of a summary, as `shard_summary` or `merge` gives it."""
        return cls(
            **{name: _sum(summary, name) for name in _names(summary)},
            index=summary.arrays.get("index"),
        )

    def of(self, outputs: slice) -> "Sums":
        """The sums of these outputs alone."""
        matrices = {name: value for name, value in vars(self).items() if np.ndim(value) == 2}
        return replace(self, **{name: value[:, outputs] for name, value in matrices.items()})

    def at(self, values: np.ndarray) -> np.ndarray:
        """The rows of an array over all coordinates that belong to the sums."""
        return values if self.index is None else values[self.index]

    def put(self, values: np.ndarray, into: np.ndarray) -> np.ndarray:
        """An array over all coordinates with `values` where the sums are."""
        if self.index is None:
            return values
        whole = into.astype(values.dtype)
        whole[self.index] = values
        return whole


def merge(left: Named, right: Named) -> Named:
    """The summary of both; a side without rows changes nothing."""
    if not left.params["shards"]:
        return right
    if not right.params["shards"]:
        return left
    ours, theirs = left.arrays.get("index"), right.arrays.get("index")
    both = union(ours, theirs, left.params["coordinates"])
    arrays, params = {}, {"coordinates": left.params["coordinates"]}
    for name in _names(left):
        one, other = _sum(left, name), _sum(right, name)
        if name in _MATRICES:
            arrays[name] = added(one, ours, other, theirs, over=both, total=params["coordinates"])
        elif isinstance(one, np.ndarray):
            arrays[name] = one + other
        else:
            params[name] = one + other
    if both is not None:
        arrays["index"] = both
    return Named(arrays, params)


def unmerge(total: Named, part: Named) -> Named:
    """The summary that, merged with `part`, gives `total`.

    What no other shard moved is 0 to the bit. Elsewhere subtracting leaves the rounding of the
    total's sums, which must not make more of squared evidence than the evidence allows.
    """
    if not part.params["shards"]:
        return total
    arrays, params = {}, {"coordinates": total.params["coordinates"]}
    ours, theirs = total.arrays.get("index"), part.arrays.get("index")
    for name in _names(total):
        whole, own = _sum(total, name), _sum(part, name)
        if name in _MATRICES:
            arrays[name] = subtracted(whole, ours, own, theirs)
        elif isinstance(whole, np.ndarray):
            arrays[name] = whole - own
        else:
            params[name] = whole - own
    for name in _MATRICES[1:]:
        if name in arrays:
            arrays[name][arrays["count"] == 0] = 0
    np.maximum(arrays["evidence"], 0, out=arrays["evidence"])
    squared = arrays["evidence_squared"]
    np.clip(squared, 0, arrays["evidence"] ** 2, out=squared)
    if ours is not None:
        arrays["index"] = ours
    return Named(arrays, params)


def only(summary: Named, index: np.ndarray) -> Named:
    """The summary as if there were no other coordinates than these, which are numbered anew.

    Parameters
    ----------
    index : ndarray of int32
        Rising, with the intercept last.
    """
    own, arrays, params = summary.arrays.get("index"), {}, {"coordinates": len(index)}
    for name in _names(summary):
        value = _sum(summary, name)
        if name in _MATRICES:
            arrays[name] = taken(value, own, index)
        elif isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            params[name] = value
    return Named(arrays, params)


def is_of_one(summary: Named) -> bool:
    """Whether it holds one shard's own numbers."""
    return summary.params["shards"] == 1 and "count" not in summary.arrays


def moved_coordinates(summary: Named) -> np.ndarray:
    """The coordinates that a shard has moved, rising, int32."""
    index = summary.arrays.get("index")
    if index is not None:
        return index
    return np.flatnonzero(_sum(summary, "count").any(axis=1)).astype(np.int32)


def _names(summary: Named) -> list[str]:
    optional = {"z"} - summary.arrays.keys()
    return [each.name for each in fields(Sums) if each.name not in optional | {"index"}]


def _sum(summary: Named, name: str) -> Any:
    """One of the sums, taken from a shard's own numbers where that is all there is."""
    given: dict[str, Any] = {**summary.arrays, **summary.params}
    if "count" not in given and name in _MATRICES:
        return _own_sum(given, name)
    return given[name]


def _own_sum(own: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """A shard's own numbers as sums, 0 where it moved nothing."""
    match name:
        case "count":
            return np.where(own.get("moved", True), np.ones(own["evidence"].shape, np.int32), 0)
        case "evidence_squared":
            return own["evidence"].astype(np.float64) ** 2
        case "evidence_weights":
            return own["evidence"] * _own_sum(own, "weights")
    values = own[name].astype(np.float64)
    return np.where(own["moved"], values, 0.0) if "moved" in own else values


def shard_summary(
    *,
    weights: np.ndarray,
    moved: np.ndarray,
    squares: np.ndarray,
    before: np.ndarray,
    seen: np.ndarray,
    rows: int,
    z: np.ndarray | None = None,
) -> Named:
    """What one shard has to say: its sums follow, and take five times the memory.

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
        All its rows.
    z : ndarray of shape (n_features + 1, n_outputs), optional
        FTRL's.
    """
    met = moved.any(axis=1)
    sparse = np.count_nonzero(met) < _MOST * len(moved)
    at = np.flatnonzero(met).astype(np.int32) if sparse else slice(None)
    exact = np.float64 if before.any() else squares.dtype  # for what is added to the start again
    arrays = {
        "weights": np.ascontiguousarray(weights[at]),
        "evidence": np.subtract(squares[at], before[at], dtype=exact),
        "row_intercepts": rows * weights[-1].astype(np.float64),
        "seen": seen,
    }
    if isinstance(at, np.ndarray):
        arrays["index"] = at
    if not moved[at].all():
        arrays["moved"] = moved[at]
    if z is not None:
        arrays["z"] = np.ascontiguousarray(z[at])
    return Named(arrays, {"shards": int(rows > 0), "rows": rows, "coordinates": len(weights)})
