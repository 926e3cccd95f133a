"""Sums for each cell of a grid over integers, which merge exactly and stay below a limit."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from petafit.store.arrays import StateDict


@dataclass(frozen=True, slots=True)
class CellSums:
    """Sums of the rows in each cell of a grid that is as fine as the limit of cells allows.

    A grid of level l drops the l lowest bits of the rows' integers. The level is the lowest at
    which the rows occupy at most `limit` cells; at level 0 each integer has its own cell. No part
    of the rows occupies more cells than all of them, so merging is coarsening to the higher level,
    and addition: the result depends on the rows alone, not on their order or shards.

    Attributes
    ----------
    cells : ndarray of int64, shape (n_cells,)
        Occupied cells, in ascending order.
    sums : ndarray of int64 or float64, shape (n_cells, n_sums)
    """

    limit: int
    level: int
    cells: np.ndarray
    sums: np.ndarray

    @classmethod
    def empty(cls, limit: int, n_sums: int = 1, *, weighted: bool = False) -> Self:
        kind = np.float64 if weighted else np.int64
        return cls(limit, 0, np.empty(0, np.int64), np.empty((0, n_sums), kind))

    def of_rows(self, integers: np.ndarray, amounts: np.ndarray | None = None) -> Self:
        """Return the sums of further rows, to be merged with these.

        Parameters
        ----------
        integers : ndarray of int64, shape (n_rows,)
        amounts : ndarray of float64, shape (n_rows, n_sums), optional
            None: one sum, the number of rows.
        """
        # No finer than needed: the cells of most batches then are within the limit at once.
        cells = integers >> np.int64(self.level)
        if amounts is None:
            cells, counts = np.unique(cells, return_counts=True)
            sums = counts[:, None]
        else:
            cells, places = np.unique(cells, return_inverse=True)
            columns = (np.bincount(places.ravel(), a, minlength=len(cells)) for a in amounts.T)
            sums = np.stack(list(columns), axis=1)
        made = type(self)(self.limit, self.level, cells, sums.astype(self.sums.dtype))
        return made._within_limit()

    def merge(self, other: Self) -> Self:
        level = max(self.level, other.level)
        left, right = self._at(level), other._at(level)
        if not len(left.cells) or not len(right.cells):
            return left if len(left.cells) else right
        cells, places = np.unique(np.concatenate([left.cells, right.cells]), return_inverse=True)
        places, n_left = places.ravel(), len(left.cells)
        sums = np.zeros((len(cells), self.sums.shape[1]), self.sums.dtype)
        sums[places[:n_left]] = left.sums
        sums[places[n_left:]] += right.sums
        return type(self)(self.limit, level, cells, sums)._within_limit()

    def to_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays of the sums of this name, for a state dict of many."""
        level = np.array(self.level, np.int64)
        parts = {"level": level, "cells": self.cells, "sums": self.sums}
        return {f"cells/{name}/{part}": array for part, array in parts.items()}

    @classmethod
    def from_state_dict(cls, named: StateDict, name: str, limit: int) -> Self:
        """Return the sums of this name."""
        level, cells, sums = (
            named.arrays[f"cells/{name}/{part}"] for part in ("level", "cells", "sums")
        )
        return cls(limit, int(level), cells, sums)

    def _within_limit(self) -> Self:
        found = self
        while len(found.cells) > self.limit:
            found = found._at(found.level + 1)
        return found

    def _at(self, level: int) -> Self:
        """Return the sums at the same or a higher level."""
        if level == self.level or not len(self.cells):
            return type(self)(self.limit, level, self.cells, self.sums)
        cells = self.cells >> np.int64(level - self.level)
        first = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))
        return type(self)(self.limit, level, cells[first], np.add.reduceat(self.sums, first))
