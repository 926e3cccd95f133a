"""What shards say of the models that online learners trained on them, and how it adds up.

Every shard starts from the same weights w0 and reports sums over coordinates: how many shards moved
it (c), and over those W = sum w, S = sum G, SS = sum G**2 and SW = sum G w, where G is what the
shard added to the coordinate's squared gradients: its evidence. The sums are float64 and add up in
any grouping; the rules of `petafit.learners.merge_rules` turn them into weights.

Coordinates that no shard moved are left out until a quarter was moved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from petafit.learners.coordinates import add_at, places_of, subtracted, taken, union
from petafit.learners.shard_numbers import add_own, is_of_one, own_sum
from petafit.store.arrays import Named

_MATRICES = ("count", "weights", "evidence", "evidence_squared", "evidence_weights", "z")


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
        """The sums of a summary, as `petafit.learners.shard_numbers` or `merge` gives it."""
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
    """The summary of both; a side without rows changes nothing. Sums on the left are used up."""
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
    params = {name: left.params[name] + right.params[name] for name in ("shards", "rows")}
    return Named(arrays, {"coordinates": coordinates, **params})


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


def _names(summary: Named) -> list[str]:
    optional = {"z"} - summary.arrays.keys()
    return [each.name for each in fields(Sums) if each.name not in optional | {"index"}]


def _sum(summary: Named, name: str) -> Any:
    """One of the sums, taken from a shard's own numbers where that is all there is."""
    given: dict[str, Any] = {**summary.arrays, **summary.params}
    if "count" not in given and name in _MATRICES:
        return own_sum(given, name)
    return given[name]


def _sums_over(summary: Named, over: np.ndarray | None) -> dict[str, np.ndarray]:
    """Its matrices over its own coordinates and more; its very arrays if there are no more."""
    size = summary.params["coordinates"] if over is None else len(over)
    names = [name for name in _MATRICES if name in _names(summary)]
    if not is_of_one(summary) and len(summary.arrays["count"]) == size:
        return {name: summary.arrays[name] for name in names}
    sums = {name: _zeros(name, size, summary) for name in names}
    _add(summary, sums, over)
    return sums


def _zeros(name: str, size: int, summary: Named) -> np.ndarray:
    shared = name in ("count", "evidence", "evidence_squared")
    width = summary.arrays["evidence" if shared else "weights"].shape[1]
    return np.zeros((size, width), np.int32 if name == "count" else np.float64)


def _add(summary: Named, sums: Mapping[str, np.ndarray], over: np.ndarray | None) -> None:
    """Add a summary's matrices to sums over more coordinates."""
    places = places_of(summary.arrays.get("index"), over)
    if is_of_one(summary):
        add_own(summary.arrays, places, sums)
        return
    for name, whole in sums.items():
        add_at(summary.arrays[name], places, whole)
