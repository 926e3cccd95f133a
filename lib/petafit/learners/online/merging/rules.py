"""How the sums of shards become the weights of one model; one shard keeps its very weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from petafit.errors import ConfigurationError, did_you_mean
from petafit.learners.online.merging.accumulate import Sums, blocks


class WeightRule(Protocol):
    """Makes one weight of every coordinate of several shards'."""

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Merged weights (n_features + 1, n_outputs) float64.

        `start` and `squares` hold w0 and the squared gradients G0 from which all shards began.
        """


@dataclass(frozen=True)
class Mean:
    """The mean over the shards; one that did not move a coordinate still has w0."""

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

    ``w = sum (G_k + prior) w_k - (c - 1) prior w0, all over sum G_k + prior``: between the
    evidence-weighted mean (prior 0) and the sum of all moves (prior to infinity).

    Parameters
    ----------
    prior : float
        The prior's precision, in squared gradients. 3 was best or near it with 2 to 8 shards and
        1 to 5 rounds, on click logs and on flights; a prior that grows with what earlier rounds
        gathered is better in the second round and swings from the third on.
    """

    prior: float = 3.0

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        prior = self.prior
        weighted = sums.evidence_weights + prior * (sums.weights - (sums.count - 1) * start)
        return np.asarray(weighted / (sums.evidence + prior))


_NEXT_TO_NOTHING = 1e-30
"""Instead of no squared gradients: where nobody knows anything, all shards weigh the same."""


@dataclass(frozen=True)
class Knowledge:
    """The mean over the shards, each weighed by all it knows: ``G0 + G_k``.

    In the first round that is the evidence-weighted mean, so that what one shard alone has found
    out stays whole; later rounds come nearer to the plain mean, and do not swing.
    """

    def combine(self, sums: Sums, start: np.ndarray, squares: np.ndarray) -> np.ndarray:
        known, still = squares + _NEXT_TO_NOTHING, sums.shards - sums.count
        weighted = sums.evidence_weights + known * (sums.weights + still * start)
        return np.asarray(weighted / (sums.evidence + known * max(sums.shards, 1)))


@dataclass(frozen=True)
class ByColumn:
    """A rule for a coordinate's first weight, and one for all its others."""

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
"""Names of rules by which a shard has no say in coordinates that it did not move."""

STACKED = ("auto", "stacked")
"""Names of what `merging.stacking` does, and `Evidence` where no rows were put aside."""


def find_rule(name: str) -> WeightRule:
    """The rule of that name; `STACKED` ones fall back on ``evidence``.

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
    """The rule's weights, the intercept weighted by their rows' weights; w0 where nothing moved.

    Taken some coordinates at a time: of a thousand classes each array of float64 that a rule makes
    on its way would take twice as much as the model.

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
    """What the next round starts from: the evidence's mean, weighted by the evidence itself.

    The sum over shards would make the next round's steps too small.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        gained = sums.evidence_squared / sums.evidence
    return sums.put(sums.at(start) + np.where(sums.evidence > 0, gained, 0.0), into=start)
