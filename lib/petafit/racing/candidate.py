"""A candidate of a search: a learner, and what it sees of the rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from petafit.config.settings import LearnerChoice
from petafit.features.encoding.batch import Batch
from petafit.features.encoding.hashing import IndexSpace, index_mask
from petafit.learners.online.csr import SparseRows, as_rows, frozen


@dataclass(frozen=True)
class Candidate:
    """One setting of a task that takes part in a race.

    Attributes
    ----------
    name : str
        Says in which way it differs from the task.
    learner : LearnerChoice
        With a number as its learning rate.
    hash_bits : int
        At most those with which rows are encoded.
    without : frozenset of int
        Positions of the features that it does not use.
    changes : dict
        The settings that make this candidate of the task.
    """

    name: str
    learner: LearnerChoice
    hash_bits: int
    without: frozenset[int] = frozenset()
    changes: Any = None

    def uses(self, n_declared: int) -> np.ndarray:
        """Return 1 for each declared feature that it uses, else 0, (n_declared,) float32."""
        used = np.ones(n_declared, np.float32)
        used[sorted(self.without)] = 0
        return used


@dataclass(frozen=True)
class Narrowing:
    """Maps encoded rows to fewer hashed indices.

    An index of b bits is the low b bits of one of more bits; indices behind the hashed ones move
    forward. Two n-grams of a text that now have one index stay two entries.

    Attributes
    ----------
    n_hashed, size : int
        Of the space in which rows are encoded.
    hash_bits : int
        Bits that are kept.
    """

    n_hashed: int
    size: int
    hash_bits: int

    @classmethod
    def of(cls, space: IndexSpace, hash_bits: int) -> "Narrowing":
        """Narrow a space to some bits."""
        return cls(space.n_hashed, space.size, hash_bits)

    @property
    def _lost(self) -> int:
        return max(0, self.n_hashed - (1 << self.hash_bits))

    @property
    def is_needed(self) -> bool:
        """Return whether it changes anything."""
        return self._lost > 0

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self.size - self._lost

    def rows(self, batch: Batch) -> SparseRows:
        """Return a batch's rows with narrowed indices."""
        rows = as_rows(batch.X)
        if not self._lost:
            return rows
        hashed = rows.indices < self.n_hashed
        mask = np.int32(index_mask(self.hash_bits))
        narrow = np.where(hashed, rows.indices & mask, rows.indices - np.int32(self._lost))
        return rows._replace(indices=frozen(narrow, np.int32))
