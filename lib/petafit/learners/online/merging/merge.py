"""A merge of an online estimator's shards: their sums, and the state from which all started."""

from dataclasses import dataclass

import numpy as np

from petafit.learners.online.merging.accumulate import Sums
from petafit.learners.online.merging.rules import (
    WeightRule,
    merged_squared_gradients,
    merged_weights,
)
from petafit.learners.online.merging.stacking import Candidates, candidates_of
from petafit.learners.online.weight_table import CoordinateTable


@dataclass(frozen=True)
class Merge:
    """Sums of shards, and their common start.

    Attributes
    ----------
    sums : Sums
    weights : ndarray of float32, shape (n_features + 1, width)
        Weights before the shards learnt.
    table : CoordinateTable
        The optimizer's state at these weights.
    seen : ndarray of float64, shape (n_classes,) or (1,)
        Rows seen before, plus those of one shard of mean size.
    """

    sums: Sums
    weights: np.ndarray
    table: CoordinateTable
    seen: np.ndarray

    def by_rule(self, rule: WeightRule) -> tuple[np.ndarray, np.ndarray]:
        """Return merged weights and squared gradients, unchanged where no shard moved."""
        squares = self.table.squares
        weights = merged_weights(rule, self.sums, self.weights, squares)
        return weights, merged_squared_gradients(self.sums, squares)

    def mean_squares(self) -> np.ndarray:
        """Add the evidence's mean over all shards to the squared gradients, as the start after
        stacking.
        """
        before, sums = self.table.squares, self.sums
        return sums.put(sums.at(before) + sums.evidence / max(sums.shards, 1), into=before)

    def candidates(self, linear: slice) -> Candidates:
        """Return the candidate directions of stacking, for these columns."""
        return candidates_of(
            self.sums.of(linear), self.weights[:, linear], self.table.squares[:, linear]
        )

    def unmoved_kept(self, table: CoordinateTable) -> CoordinateTable:
        """Restore the exact former numbers in a merged table where no shard moved."""
        before = self.table
        moved = self.sums.put(self.sums.count > 0, into=np.zeros(before.squares.shape, bool))
        np.copyto(table.first, before.first, where=~moved)
        np.copyto(table.squares, before.squares, where=~moved)
        return table
