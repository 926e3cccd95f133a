"""The merge holdout: rows from which no shard learns, used to fit a merge."""

from dataclasses import dataclass

import numpy as np

from petafit.features.encoding.batch import Batch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class MergeHoldout:
    """Selects rows by a hash of their position, so that every retry and round selects the same.

    Attributes
    ----------
    shares : tuple of float
        The share of rows to hold out, for each piece of a shard.
    seed : int
    """

    shares: tuple[float, ...]
    seed: int = 0

    def mask(self, batch: Batch, *, shard: int, piece: int, number: int) -> np.ndarray | None:
        """Return which rows of a piece's batch with this number are held out; None if none is."""
        share, rows = self.shares[piece], int(batch.X.shape[0])
        if not share:
            return None
        start = np.zeros(1, np.uint64)
        for part in (self.seed, shard, piece, number):
            start = _mixed(start + np.array([part + 1], np.uint64) * _GOLDEN)
        # The top 53 bits give a number in [0, 1).
        uniform = _mixed(start + np.arange(1, rows + 1, dtype=np.uint64) * _GOLDEN) >> np.uint64(11)
        chosen = uniform.astype(np.float64) / 2.0**53 < share
        return chosen if chosen.any() else None


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Apply the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return numbers ^ (numbers >> np.uint64(31))
