"""Merge rules: from sums over shards to one model's weights; a single shard's weights stay exact.

For each coordinate and output, w_k is shard k's weight and G_k its evidence (squared gradients that
it added), w0 and G0 the common start, K the number of shards and c that of shards which moved the
coordinate. Sums run over these c shards; w is the merged weight::

    mean       w = (sum w_k + (K - c) w0) / K
    touched    w = sum w_k / c
    evidence   w = (sum (G_k + prior) w_k - (c - 1) prior w0) / (sum G_k + prior)
    knowledge  w = (sum (G0 + G_k) w_k + (K - c) G0 w0) / (sum G_k + K G0)

Coordinates with c = 0 keep w0. All arrays are (n_features + 1, n_outputs), the intercept last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from petafit.errors import ConfigurationError, did_you_mean
from petafit.learners.online.merging.stacking import Candidates, candidates_of
from petafit.learners.online.merging.summaries import Sums, blocks
from petafit.learners.online.weight_table import CoordinateTable


class WeightRule(Protocol):
    """Combines several shards' weights into one for every coordinate."""

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Return merged weights (n_features + 1, n_outputs) float64.

        `start` and `squares` hold w0 and the squared gradients G0 from which all shards began.
        """


@dataclass(frozen=True)
class Mean:
    """The mean over the shards; one that did not move a coordinate contributes w0."""

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        total = sums.weights + (sums.shards - sums.count) * start
        return np.asarray(total / max(sums.shards, 1))


@dataclass(frozen=True)
class Touched:
    """The mean over the shards that moved the coordinate (federated submodel averaging)."""

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        return np.asarray(sums.weights / np.maximum(sums.count, 1))


@dataclass(frozen=True)
class Evidence:
    """The product of the shards' posteriors over c - 1 copies of the prior they share.

    Derivation: per coordinate, take the prior N(w0, 1 / prior) and shard k's posterior
    N(w_k, 1 / (G_k + prior)). The product of the c posteriors counts the prior c times, so it is
    divided by the prior's density c - 1 times: the precision is ``sum G_k + prior``, and precision
    times mean is ``sum (G_k + prior) w_k - (c - 1) prior w0``. A prior of 0 gives the
    evidence-weighted mean, an infinite one the sum of all moves.

    Parameters
    ----------
    prior : float
        The prior's precision, in squared gradients. 3 was best or near it with 2 to 8 shards and
        1 to 5 rounds, on click logs and on flights; a prior that grows with the evidence of earlier
        rounds is better in the second round and oscillates from the third on.
    """

    prior: float = 3.0

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        prior = self.prior
        weighted = sums.evidence_weights + prior * (sums.weights - (sums.count - 1) * start)
        return np.asarray(weighted / (sums.evidence + prior))


_NEXT_TO_NOTHING = 1e-30
"""Replaces zero squared gradients, so that shards without any evidence get equal weights."""


@dataclass(frozen=True)
class Knowledge:
    """The mean over the shards, each weighted by all its squared gradients: ``G0 + G_k``.

    In the first round (G0 = 0) that is the evidence-weighted mean, so that a coordinate moved by a
    single shard keeps that shard's weight; later rounds approach the plain mean, and do not
    oscillate.
    """

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        known, still = squares + _NEXT_TO_NOTHING, sums.shards - sums.count
        weighted = sums.evidence_weights + known * (sums.weights + still * start)
        return np.asarray(weighted / (sums.evidence + known * max(sums.shards, 1)))


@dataclass(frozen=True)
class ByColumn:
    """One rule for a coordinate's first weight, and another for all its others."""

    first: WeightRule
    others: WeightRule

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        rules = (self.first, slice(1)), (self.others, slice(1, None))
        merged = [
            rule.combine(sums.of(part), start[:, part], squares[:, part]) for rule, part in rules
        ]
        return np.hstack(merged)


RULES: Mapping[str, WeightRule] = {"mean": Mean(), "touched": Touched(), "evidence": Evidence()}
LOCAL = ("evidence", "touched")
"""Names of rules in which a shard has no influence on coordinates that it did not move."""

STACKED = ("auto", "stacked")
"""Names of the rules of `merging.stacking`, which fall back on `Evidence` without a merge holdout.
"""


def find_rule(name: str) -> WeightRule:
    """Return the rule of that name; `STACKED` ones fall back on ``evidence``.

    Raises
    ------
    ConfigurationError
        There is no such rule.
    """
    chosen = "evidence" if name in STACKED else name
    if chosen not in RULES:
        raise ConfigurationError(
            f"No merge rule {name!r}", hint=did_you_mean(name, (*STACKED, *RULES))
        )
    return RULES[chosen]


def merged_weights(
    rule: WeightRule, sums: Sums, start: np.ndarray, squares: np.ndarray
) -> np.ndarray:
    """Apply a rule, except to the intercept, which is averaged by the rows' weights.

    Unmoved coordinates keep w0. Coordinates are processed in blocks: with a thousand classes, each
    float64 temporary of a rule would take twice the memory of the model.

    Returns
    -------
    ndarray of float32, of the shape of `start`
    """
    merged = np.array(start, np.float32)
    for part in blocks(len(sums.count), start.shape[1]):
        own, places = sums.within(part), part if sums.index is None else sums.index[part]
        begun = start[places].astype(np.float64)
        combined = rule.combine(own, begun, squares[places])
        merged[places] = np.where(own.count > 0, combined, begun)
    if sums.rows:
        merged[-1] = sums.row_intercepts / sums.weight
    return merged


def merged_squared_gradients(sums: Sums, start: np.ndarray) -> np.ndarray:
    """Return ``G0 + sum G_k**2 / sum G_k``, from which the next round starts.

    The quotient is the evidence's mean, weighted by the evidence itself, and 0 where there is none.
    With the sum over shards instead, the next round's steps would be too small.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        gained = sums.evidence_squared / sums.evidence
    return sums.put(sums.at(start) + np.where(sums.evidence > 0, gained, 0.0), into=start)


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
