"""What shards say of the models that online learners trained on them, added up.

Every shard starts from the same weights w0 and reports sums over coordinates: how many shards moved
it (c), and over those W = sum w, S = sum G, SS = sum G**2 and SW = sum G w, where G is what the
shard added to the coordinate's squared gradients: its evidence. The sums are float64 and add up in
any grouping; the rules of `petafit.learners.online.merging.rules` turn them into weights.

Coordinates that no shard moved are left out until a quarter was moved.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from petafit.learners.online.merging.shard_summary import own_sum
from petafit.store.arrays import StateDict

_BLOCK_NUMBERS = 1 << 20

MATRICES = ("count", "weights", "evidence", "evidence_squared", "evidence_weights", "z")
"""The sums that are arrays over coordinates."""


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
        Shards that had rows with weight, and these rows.
    weight : float
        Of these rows; their number in summaries of earlier versions.
    row_intercepts : ndarray of float64, shape (n_outputs,)
        Of weight times intercept.
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
    weight: float
    row_intercepts: np.ndarray
    seen: np.ndarray
    z: np.ndarray | None = None
    index: np.ndarray | None = None

    @classmethod
    def from_state_dict(cls, summary: StateDict) -> "Sums":
        """The sums of a summary, as `shard_summary` or `merge_summaries` gives it."""
        return cls(
            **{name: sum_of(summary, name) for name in names_of(summary)},
            index=summary.arrays.get("index"),
        )

    def of(self, outputs: slice) -> "Sums":
        """The sums of these outputs alone."""
        matrices = {name: value for name, value in vars(self).items() if np.ndim(value) == 2}
        return replace(self, **{name: value[:, outputs] for name, value in matrices.items()})

    def within(self, coordinates: slice) -> "Sums":
        """The sums of some of these coordinates, by their places here."""
        matrices = {name: value for name, value in vars(self).items() if np.ndim(value) == 2}
        return replace(self, **{name: value[coordinates] for name, value in matrices.items()})

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


def blocks(coordinates: int, outputs: int) -> Iterator[slice]:
    """All coordinates, so many at a time that an array of float64 of them takes 8 MB."""
    size = max(_BLOCK_NUMBERS // outputs, 1)
    for first in range(0, coordinates, size):
        yield slice(first, min(first + size, coordinates))


def names_of(summary: StateDict) -> list[str]:
    """The sums of a summary, by the names of `Sums`; its index is none."""
    optional = {"z"} - summary.arrays.keys()
    return [each.name for each in fields(Sums) if each.name not in optional | {"index"}]


def sum_of(summary: StateDict, name: str) -> Any:
    """One of the sums, taken from a shard's own numbers where that is all there is."""
    given: dict[str, Any] = {**summary.arrays, **summary.params}
    if "count" not in given and name in MATRICES:
        return own_sum(given, name)
    if name == "weight" and name not in given:
        return given["rows"]
    return given[name]
