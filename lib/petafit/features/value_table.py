"""Tables of a number for each category: counts, and means of the label."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from petafit.features.cells import CellSums
from petafit.features.feature import TargetMean
from petafit.store.arrays import StateDict

MOST_CELLS = 1 << 16
"""Limit of the cells of a table: categories beyond it share cells, by their hash."""

FOLDS = 4
"""A training row gets a mean from the rows of the three other folds."""

_LEAST_CHANCE = 1e-6


@dataclass(frozen=True, slots=True)
class ValueTable:
    """The number for each cell of hashed categories, and for categories that training did not have.

    Attributes
    ----------
    level : int
        The number of low bits by which hashes are shortened to cells.
    cells : ndarray of int64, shape (n_cells,)
        In ascending order.
    values : ndarray of float64, shape (n_cells + 1,)
        Numbers to mean 0 and deviation 1 over the training rows; the last is that of other cells.
    folds : ndarray of float32, shape (n_folds, n_cells + 1), or None
        The same without the rows of each fold; not stored.
    """

    level: int
    cells: np.ndarray
    values: np.ndarray
    folds: np.ndarray | None = None

    @classmethod
    def of_counts(cls, counted: CellSums) -> Self:
        """Return the table of ``log(1 + rows of a cell)``."""
        rows = counted.sums[:, 0].astype(np.float64)
        shift, divisor = _scale(np.log1p(rows), rows)
        values = (np.log1p(np.append(rows, 0.0)) - shift) / divisor
        return cls(counted.level, counted.cells, values)

    @classmethod
    def of_frequent(cls, counted: CellSums, min_count: int) -> Self:
        """Return the table of cells of at least so many rows: 1, and 0 for others."""
        cells = counted.cells[counted.sums[:, 0] >= min_count]
        return cls(counted.level, cells, np.append(np.ones(len(cells)), 0.0))

    @classmethod
    def of_means(
        cls, summed: CellSums, smoothing: float, classes: tuple[float, float] | None = None
    ) -> Self:
        """Return the table of a label's means, or of the log odds of the second of two classes.

        Parameters
        ----------
        summed : CellSums
            The rows of each fold, then the sums of the label, or of the classes' numbers.
        smoothing : float
            As ``smooth`` of scikit-learn's TargetEncoder: (sum + smoothing * mean of all) /
            (rows + smoothing).
        classes : tuple of float, optional
            The number that stands for each class in the sums.
        """
        rows, sums = (part.astype(np.float64) for part in np.split(summed.sums, 2, axis=1))
        if classes is not None:
            sums = np.clip((sums - classes[0] * rows) / (classes[1] - classes[0]), 0.0, rows)
        all_rows = rows.sum(axis=1)
        whole = _means(all_rows, sums.sum(axis=1), smoothing, odds=classes is not None)
        shift, divisor = _scale(whole[:-1], all_rows)
        folds = [
            _means(
                all_rows - rows[:, fold],
                sums.sum(axis=1) - sums[:, fold],
                smoothing,
                odds=classes is not None,
            )
            for fold in range(FOLDS)
        ]
        return cls(
            summed.level,
            summed.cells,
            (whole - shift) / divisor,
            ((np.stack(folds) - shift) / divisor).astype(np.float32),
        )

    def places(self, hashes: np.ndarray) -> np.ndarray:
        """Return the position of each hash's value, (n_hashes,) int64."""
        wanted = hashes >> np.int64(self.level)
        places = np.searchsorted(self.cells, wanted)
        found = np.append(self.cells, -1)[places] == wanted
        return np.where(found, places, len(self.cells))

    def to_state_dict(self) -> StateDict:
        return StateDict({"cells": self.cells, "values": self.values}, {"level": self.level})

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        """Rebuild a stored table.

        Raises
        ------
        ValueError
            It is damaged.
        """
        level, cells, values = named.params["level"], named.arrays["cells"], named.arrays["values"]
        if type(level) is not int or not 0 <= level < 64:
            raise ValueError(f"a table of level {level}")
        if cells.dtype != np.int64 or cells.ndim != 1 or (np.diff(cells) <= 0).any():
            raise ValueError(f"cells as {cells.dtype} {cells.shape}, or not in order")
        if values.dtype != np.float64 or values.shape != (len(cells) + 1,):
            raise ValueError(f"values as {values.dtype} {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("values that are not finite")
        return cls(level, cells, values)


def n_sums(feature: Any) -> int:
    """Return the number of sums of each cell from which the table of a feature is made."""
    return 2 * FOLDS if isinstance(feature, TargetMean) else 1


def sums_of_folds(folds: np.ndarray, label: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return what rows add to the sums of their cells, (n_rows, 2 * FOLDS) float64."""
    amounts = np.zeros((len(folds), 2 * FOLDS))
    rows = np.arange(len(folds))
    amounts[rows, folds] = 1.0 if weight is None else weight
    amounts[rows, FOLDS + folds] = label if weight is None else weight * label
    return amounts


def _means(rows: np.ndarray, sums: np.ndarray, smoothing: float, *, odds: bool) -> np.ndarray:
    """Return the smoothed mean of each cell, and last that of all rows."""
    everywhere = sums.sum() / (rows.sum() or 1.0)
    means = np.append((sums + smoothing * everywhere) / (rows + smoothing), everywhere)
    if not odds:
        return means
    chances = np.clip(means, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    return np.asarray(np.log(chances / (1 - chances)))


def _scale(values: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Return mean and deviation over the rows; a constant has the deviation 1."""
    if not rows.sum():
        return 0.0, 1.0
    mean = float(np.average(values, weights=rows))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=rows)))
    return mean, deviation if deviation > 1e-9 * max(1.0, abs(mean)) else 1.0
