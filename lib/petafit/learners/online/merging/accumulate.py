"""Sums over shards of what online learners have learnt on each.

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
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from petafit.learners.online.merging.shard_summary import own_sum
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
        """Read the sums of a summary made by `shard_summary` or `merge_summaries`."""
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
