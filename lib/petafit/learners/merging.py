"""How linear models trained on different shards become one.

Every shard starts from the same weights w0 and reports sums over coordinates: how many shards moved
it (c), and over those W = sum w, S = sum G, SS = sum G**2 and SW = sum G w, where G is what the
shard added to the coordinate's squared gradients: its evidence. The sums are float64 and add up in
any grouping; a `Rule` turns them into weights. With one shard every rule gives its very weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from petafit.errors import ConfigurationError, did_you_mean
from petafit.store.arrays import Named

DEFAULT_RULE = "evidence"


@dataclass(frozen=True)
class Sums:
    """Sums over shards, each array (n_features + 1,) with the intercept last.

    Attributes
    ----------
    count : ndarray of int32
        Shards that moved the coordinate; only these enter the other arrays.
    weights : ndarray of float64
        Of w.
    evidence, evidence_squared, evidence_weights : ndarray of float64
        Of G, G**2 and G w.
    shards, rows : int
        Shards that had rows, and their rows.
    row_intercepts : float
        Of rows times intercept.
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
    row_intercepts: float
    z: np.ndarray | None = None

    def __add__(self, other: "Sums") -> "Sums":
        mine, theirs = self._present(), other._present()
        return Sums(**{name: value + theirs[name] for name, value in mine.items()})

    def to_named(self) -> Named:
        parts = self._present()
        arrays = {name: value for name, value in parts.items() if isinstance(value, np.ndarray)}
        return Named(arrays, {name: parts[name] for name in parts.keys() - arrays.keys()})

    @classmethod
    def from_named(cls, named: Named) -> "Sums":
        parts: dict[str, Any] = {**named.arrays, **named.params}
        return cls(**parts)

    def _present(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


def sums_of_shard(
    *, weights: np.ndarray, table: np.ndarray, start: np.ndarray, rows: int, with_z: bool
) -> Sums:
    """What one shard has to say.

    Parameters
    ----------
    weights : ndarray of shape (n_features + 1,)
        What `table` stands for.
    table, start : ndarray of shape (n_features + 1, 2)
        The optimizer's numbers after and before the shard.
    rows : int
        Rows learned from.
    with_z : bool
        The first of the two numbers is FTRL's z.
    """
    moved = (table != start).any(axis=1)
    moved_weights = np.where(moved, weights.astype(np.float64), 0.0)
    evidence = table[:, 1].astype(np.float64) - start[:, 1]
    return Sums(
        count=moved.astype(np.int32),
        weights=moved_weights,
        evidence=evidence,
        evidence_squared=evidence**2,
        evidence_weights=evidence * moved_weights,
        shards=int(rows > 0),
        rows=rows,
        row_intercepts=rows * float(weights[-1]),
        z=np.where(moved, table[:, 0].astype(np.float64), 0.0) if with_z else None,
    )


class Rule(Protocol):
    """Makes one weight of every coordinate of several shards'."""

    def combine(self, sums: Sums, start: np.ndarray) -> np.ndarray:
        """Merged weights (n_features + 1,) float64; `start` holds the weights w0."""


@dataclass(frozen=True)
class Mean:
    """The mean over the shards; one that did not move a coordinate still has w0."""

    def combine(self, sums: Sums, start: np.ndarray) -> np.ndarray:
        total = sums.weights + (sums.shards - sums.count) * start
        return np.asarray(total / max(sums.shards, 1))


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

    def combine(self, sums: Sums, start: np.ndarray) -> np.ndarray:
        prior = self.prior
        weighted = sums.evidence_weights + prior * (sums.weights - (sums.count - 1) * start)
        return np.asarray(weighted / (sums.evidence + prior))


RULES: Mapping[str, Rule] = {"mean": Mean(), "evidence": Evidence()}


def find_rule(name: str) -> Rule:
    """The rule of that name; ``auto`` is the best known one.

    Raises
    ------
    ConfigurationError
        There is no such rule.
    """
    chosen = DEFAULT_RULE if name == "auto" else name
    if chosen not in RULES:
        raise ConfigurationError(
            f"No merge rule {name!r}", hint=did_you_mean(name, ("auto", *RULES))
        )
    return RULES[chosen]


def merged_weights(rule: Rule, sums: Sums, start: np.ndarray) -> np.ndarray:
    """The rule's weights, the intercept weighted by the shards' rows; w0 where nothing moved."""
    start = start.astype(np.float64)
    merged = np.where(sums.count > 0, rule.combine(sums, start), start)
    if sums.rows:
        merged[-1] = sums.row_intercepts / sums.rows
    return merged


def merged_squared_gradients(sums: Sums, start: np.ndarray) -> np.ndarray:
    """What the next round starts from: the evidence's mean, weighted by the evidence itself.

    The sum over shards would make the next round's steps too small.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        gained = sums.evidence_squared / sums.evidence
    return np.asarray(start + np.where(sums.evidence > 0, gained, 0.0))
