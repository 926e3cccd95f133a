"""Addition of shard summaries, and its inverse.

With a summary's sums (c, W, S, SS, SW; see `petafit.learners.online.merging.accumulate`), each an
array over coordinates and outputs, merging is addition coordinate by coordinate: the sum over the
shards on the left plus that over the shards on the right, 0 for coordinates a side lacks. That is
associative up to rounding. Unmerging is subtraction.
"""

from collections.abc import Mapping

import numpy as np

from petafit.learners.online.merging.accumulate import MATRICES, names_of, sum_of
from petafit.learners.online.merging.shard_summary import add_own, is_of_one
from petafit.learners.online.merging.sparse_rows import add_at, places_of, subtracted, taken, union
from petafit.store.arrays import StateDict

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
