"""One merge of an online estimator's shards: what they say, beside where they all began."""

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
    """Sums of shards, and their start.

    Attributes
    ----------
    sums : Sums
    weights : ndarray of float32, shape (n_features + 1, width)
        Before the shards learnt.
    table : CoordinateTable
        What stands for these.
    seen : ndarray of float64, shape (n_classes,) or (1,)
        The rows that a model has seen which learnt from one shard of mean size more.
    """

    sums: Sums
    weights: np.ndarray
    table: CoordinateTable
    seen: np.ndarray

    def by_rule(self, rule: WeightRule) -> tuple[np.ndarray, np.ndarray]:
        """Merged weights and squared gradients; where no shard moved, as they were."""
        squares = self.table.squares
        weights = merged_weights(rule, self.sums, self.weights, squares)
        return weights, merged_squared_gradients(self.sums, squares)

    def mean_squares(self) -> np.ndarray:
        """Squared gradients and the evidence's mean over all shards: what stacking goes on from."""
        before, sums = self.table.squares, self.sums
        return sums.put(sums.at(before) + sums.evidence / max(sums.shards, 1), into=before)

    def candidates(self, linear: slice) -> Candidates:
        """What stacking chooses from, of these columns."""
        return candidates_of(
            self.sums.of(linear), self.weights[:, linear], self.table.squares[:, linear]
        )

    def unmoved_kept(self, table: CoordinateTable) -> CoordinateTable:
        """A merged table, changed to the very numbers of before where no shard moved."""
        before = self.table
        moved = self.sums.put(self.sums.count > 0, into=np.zeros(before.squares.shape, bool))
        np.copyto(table.first, before.first, where=~moved)
        np.copyto(table.squares, before.squares, where=~moved)
        return table
