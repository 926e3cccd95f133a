"""PreferenceFactors of users and items, from which preferences are computed without Spark.

The preference of user u for item i is ``x_u . y_i``, with the factors x_u and y_i, each of `rank`
numbers. All of them are summed in the order of the factors, in 32 bits, so that a preference does
not depend on the rows that are computed together, and equal factors give equal preferences.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from petafit.learners.mllib.ids import IdTable
from petafit.store.arrays import StateDict

MOST_FACTORS = 1 << 27
"""Limit of the numbers sent to every worker: 512 MB."""

_ROWS = 1 << 14
_BLOCK = 1 << 16
"""The number of preferences computed at a time for all items: they stay in a core's cache."""


@dataclass(frozen=True)
class PreferenceFactors:
    """The factors of users and items that ALS has fitted.

    Attributes
    ----------
    users, items : IdTable
    of_users : ndarray of float32, shape (n_users, rank)
    of_items : ndarray of float32, shape (n_items, rank)
    """

    users: IdTable
    items: IdTable
    of_users: np.ndarray
    of_items: np.ndarray

    @property
    def rank(self) -> int:
        return int(self.of_users.shape[1])

    def positions(self, users: pa.Array, items: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of users and items, -1 where they are unknown, (n_rows,) each."""
        return self.users.positions(users), self.items.positions(items)

    def predict(self, users: pa.Array, items: pa.Array) -> np.ndarray:
        """Return the preferences, NaN where user or item is unknown, (n_rows,) float64."""
        return self.preferences(*self.positions(users, items))

    def preferences(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the preferences of users for items by their numbers, as `predict`."""
        found = np.full(len(users), np.nan)
        known = np.flatnonzero((users >= 0) & (items >= 0))
        for start in range(0, len(known), _ROWS):
            rows = known[start : start + _ROWS]
            found[rows] = _inner(self.of_users[users[rows]].T, self.of_items[items[rows]].T)
        return found

    def percentile_ranks(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the place of items among all, by the preferences of users.

        Parameters
        ----------
        users, items : ndarray of intp, shape (n_rows,)
            Known numbers.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            0 where the user prefers the item to all others, 1 where all others to the item; equal
            ones count half. 0.5 if there is no other item.
        """
        found = np.full(len(users), 0.5)
        if len(self.items) < 2:
            return found
        for rows, preferences in self._blocks(users):
            own = preferences[np.arange(len(preferences)), items[rows]][:, None]
            better = np.count_nonzero(preferences > own, axis=1)
            equal = np.count_nonzero(preferences == own, axis=1) - 1
            found[rows] = (better + equal / 2) / (len(self.items) - 1)
        return found

    def best_items(self, users: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the items that users prefer to all others, the best first.

        Of equally preferred items those with lower ids come first.

        Parameters
        ----------
        users : ndarray of intp, shape (n_users,)
            Known numbers.
        n : int
            At least 1.

        Returns
        -------
        items : ndarray of intp, shape (n_users, min(n, n_items))
        preferences : ndarray of float32, of the same shape
        """
        n = min(n, len(self.items))
        items = np.empty((len(users), n), np.intp)
        best = np.empty((len(users), n), np.float32)
        for rows, preferences in self._blocks(users):
            least = np.partition(preferences, -n, axis=1)[:, -n]
            for row, own, limit in zip(rows, preferences, least, strict=True):
                enough = np.flatnonzero(own >= limit)
                items[row] = enough[np.argsort(-own[enough], kind="stable")[:n]]
                best[row] = own[items[row]]
        return items, best

    def _blocks(self, users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows, and the preferences of their users for all items, (n_rows, n_items)."""
        step = max(1, _BLOCK // len(self.items))
        for start in range(0, len(users), step):
            rows = np.arange(start, min(start + step, len(users)))
            own = self.of_users[users[rows]].T[:, :, None]
            yield rows, _inner(own, self._by_factor[:, None, :])

    @cached_property
    def _by_factor(self) -> np.ndarray:
        return np.ascontiguousarray(self.of_items.T)

    def to_state_dict(self) -> StateDict:
        own = StateDict({"of_users": self.of_users, "of_items": self.of_items})
        ids = self.users.to_state_dict().prefixed("users")
        return own | ids | self.items.to_state_dict().prefixed("items")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        """Rebuild the factors; what is damaged raises errors of `features.encoding.stored`.

        Raises
        ------
        ValueError
            The sizes are inconsistent, or numbers are not finite.
        """
        users, items = (IdTable.from_state_dict(named.part(name)) for name in ("users", "items"))
        own = cls(users, items, named.arrays["of_users"], named.arrays["of_items"])
        for table, array in ((users, own.of_users), (items, own.of_items)):
            if array.dtype != np.float32 or array.shape != (len(table), own.rank) or not own.rank:
                raise ValueError(f"factors as {array.dtype} {array.shape} of {len(table)} ids")
            if not np.isfinite(array).all():
                raise ValueError("factors that are not finite")
        return own


def _inner(users: Any, items: Any) -> np.ndarray:
    """Return inner products along the first axis, broadcast over the others."""
    total = users[0] * items[0]
    product = np.empty_like(total)
    for user, item in zip(users[1:], items[1:], strict=True):
        total += np.multiply(user, item, out=product)
    return np.asarray(total)
