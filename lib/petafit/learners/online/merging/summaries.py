"""Summaries of shards of an online learner as sums over them, their addition, and its inverse.

Every shard k starts from the same weights w0 and ends with weights w_k. Its evidence G_k is what it
added to the sum of squared gradients. For every coordinate and output (n_coordinates, n_outputs), a
summary has these sums over the shards that moved it::

    count             c  = sum 1
    weights           W  = sum w_k
    evidence          S  = sum G_k
    evidence_squared  SS = sum G_k**2
    evidence_weights  SW = sum G_k w_k

They are float64 and add up in any grouping; the rules of `petafit.learners.online.merging.rules`
turn them into weights. Coordinates that no shard moved are left out until a quarter was moved.

Merging is addition coordinate by coordinate: the sum over the shards on the left plus that over
the shards on the right, 0 for coordinates a side lacks. That is associative up to rounding.
Unmerging is subtraction.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from petafit.learners.online.merging.shard_summary import add_own, is_of_one, own_sum
from petafit.learners.online.merging.sparse_rows import add_at, places_of, subtracted, taken, union
from petafit.store.arrays import StateDict

_BLOCK_NUMBERS = 1 << 20

MATRICES = ("count", "weights", "evidence", "evidence_squared", "evidence_weights", "z")
"""Names of the sums that are arrays over coordinates."""


@dataclass(frozen=True)
class Sums:
    """Sums over shards, each array (n_coordinates, n_outputs).

    A sum that is equal for all outputs may have one column instead.

    Attributes
    ----------
    index : ndarray of int32, shape (n_coordinates,), or None
        The coordinates present, ascending, with the intercept last; None: all.
    count : ndarray of int32
        Number of shards that moved the coordinate; only these enter the other arrays.
    weights : ndarray of float64
        Sum of w_k.
    evidence, evidence_squared, evidence_weights : ndarray of float64
        Sums of G_k, G_k**2 and G_k w_k.
    shards, rows : int
        Number of shards that had rows with weight, and of these rows.
    weight : float
        Total weight of these rows; their number in summaries of earlier releases.
    row_intercepts : ndarray of float64, shape (n_outputs,)
        Sum over shards of weight times intercept.
    seen : ndarray of float64, shape (n_classes,) or (1,)
        Number of rows with weight, by class for a classifier.
    z : ndarray of float64, optional
        Sum of FTRL's z.
    """

    count: np.ndarray
    weights: np.ndarray
    evidence: np.ndarray
    evidence_squared: np.ndarray
    evidence_weights: np.ndarray
    shards: int
    rows: int
    weight: float
    row_intercepts: np.ndarray
    seen: np.ndarray
    z: np.ndarray | None = None
    index: np.ndarray | None = None

    @classmethod
    def from_state_dict(cls, summary: StateDict) -> "Sums":
        """Read the sums of a summary made by `shard_summary`, or by `merge`."""
        return cls(
            **{name: sum_of(summary, name) for name in names_of(summary)},
            index=summary.arrays.get("index"),
        )

    def of(self, outputs: slice) -> "Sums":
        """Return the sums of some outputs only."""
        matrices = {name: value for name, value in vars(self).items() if np.ndim(value) == 2}
        return replace(self, **{name: value[:, outputs] for name, value in matrices.items()})

    def within(self, coordinates: slice) -> "Sums":
        """Return the sums of some coordinates, given by their positions in these arrays."""
        matrices = {name: value for name, value in vars(self).items() if np.ndim(value) == 2}
        return replace(self, **{name: value[coordinates] for name, value in matrices.items()})

    def at(self, values: np.ndarray) -> np.ndarray:
        """Select the rows of an array over all coordinates that belong to the sums."""
        return values if self.index is None else values[self.index]

    def put(self, values: np.ndarray, into: np.ndarray) -> np.ndarray:
        """Scatter `values` into a copy of an array over all coordinates."""
        if self.index is None:
            return values
        whole = into.astype(values.dtype)
        whole[self.index] = values
        return whole


def blocks(coordinates: int, outputs: int) -> Iterator[slice]:
    """Split all coordinates into slices for which a float64 array takes 8 MB."""
    size = max(_BLOCK_NUMBERS // outputs, 1)
    for first in range(0, coordinates, size):
        yield slice(first, min(first + size, coordinates))


def names_of(summary: StateDict) -> list[str]:
    """Return the names of a summary's sums, as in `Sums`, without the index."""
    optional = {"z"} - summary.arrays.keys()
    return [each.name for each in fields(Sums) if each.name not in optional | {"index"}]


def sum_of(summary: StateDict, name: str) -> Any:
    """Return one of a summary's sums, derived from a single shard's numbers if need be."""
    given: dict[str, Any] = {**summary.arrays, **summary.params}
    if "count" not in given and name in MATRICES:
        return own_sum(given, name)
    if name == "weight" and name not in given:
        return given["rows"]
    return given[name]


_COUNTS = ("shards", "rows", "weight")


def merge(left: StateDict, right: StateDict) -> StateDict:
    """Add two summaries; a side without rows changes nothing. May modify `left` in place."""
    if not left.params["shards"]:
        return right
    if not right.params["shards"]:
        return left
    coordinates = left.params["coordinates"]
    both = union(left.arrays.get("index"), right.arrays.get("index"), coordinates)
    arrays = _sums_over(left, both)
    _add(right, arrays, both)
    arrays["row_intercepts"] = left.arrays["row_intercepts"] + right.arrays["row_intercepts"]
    arrays["seen"] = left.arrays["seen"] + right.arrays["seen"]
    if both is not None:
        arrays["index"] = both
    params = {name: sum_of(left, name) + sum_of(right, name) for name in _COUNTS}
    return StateDict(arrays, {"coordinates": coordinates, **params})


def unmerge(total: StateDict, part: StateDict) -> StateDict:
    """Return the summary that, merged with `part`, gives `total`.

    Coordinates that no other shard moved become exactly 0. Elsewhere subtraction leaves rounding
    errors, so the bounds ``S >= 0`` and ``0 <= SS <= S**2``, which hold for sums of G_k >= 0, are
    restored by clipping.
    """
    if not part.params["shards"]:
        return total
    arrays, params = {}, {"coordinates": total.params["coordinates"]}
    ours, theirs = total.arrays.get("index"), part.arrays.get("index")
    for name in names_of(total):
        whole, own = sum_of(total, name), sum_of(part, name)
        if name in MATRICES:
            arrays[name] = subtracted(whole, ours, own, theirs)
        elif isinstance(whole, np.ndarray):
            arrays[name] = whole - own
        else:
            params[name] = whole - own
    for name in MATRICES[1:]:
        if name in arrays:
            np.copyto(arrays[name], 0, where=arrays["count"] == 0)
    np.maximum(arrays["evidence"], 0, out=arrays["evidence"])
    squared = arrays["evidence_squared"]
    np.clip(squared, 0, arrays["evidence"] ** 2, out=squared)
    if ours is not None:
        arrays["index"] = ours
    return StateDict(arrays, params)


def only(summary: StateDict, index: np.ndarray) -> StateDict:
    """Restrict a summary to some coordinates, which are renumbered.

    Parameters
    ----------
    index : ndarray of int32
        Ascending, with the intercept last.
    """
    own, arrays, params = summary.arrays.get("index"), {}, {"coordinates": len(index)}
    for name in names_of(summary):
        value = sum_of(summary, name)
        if name in MATRICES:
            arrays[name] = taken(value, own, index)
        elif isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            params[name] = value
    return StateDict(arrays, params)


def _sums_over(summary: StateDict, over: np.ndarray | None) -> dict[str, np.ndarray]:
    """Expand a summary's matrices to a larger index; returns its own arrays if the index is the
    same.
    """
    size = summary.params["coordinates"] if over is None else len(over)
    names = [name for name in MATRICES if name in names_of(summary)]
    if not is_of_one(summary) and len(summary.arrays["count"]) == size:
        return {name: summary.arrays[name] for name in names}
    sums = {name: _zeros(name, size, summary) for name in names}
    _add(summary, sums, over)
    return sums


def _zeros(name: str, size: int, summary: StateDict) -> np.ndarray:
    shared = name in ("count", "evidence", "evidence_squared")
    width = summary.arrays["evidence" if shared else "weights"].shape[1]
    return np.zeros((size, width), np.int32 if name == "count" else np.float64)


def _add(summary: StateDict, sums: Mapping[str, np.ndarray], over: np.ndarray | None) -> None:
    """Add a summary's matrices to sums over more coordinates."""
    places = places_of(summary.arrays.get("index"), over)
    if is_of_one(summary):
        add_own(summary.arrays, places, sums)
        return
    for name, whole in sums.items():
        add_at(summary.arrays[name], places, whole)
