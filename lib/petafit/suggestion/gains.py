"""The gain of telling groups of rows apart, from sums of a model's residuals that merge."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy.special import ndtri

_CHANCE = 0.05


class Gain(NamedTuple):
    """An estimated decrease of the loss.

    Attributes
    ----------
    per_row : float
        Of the mean loss; in nats for log-loss, in variances of the residuals for squared loss.
    error : float
        Its standard error.
    """

    per_row: float
    error: float

    def exceeds(self, least: float = 0.0, *, tests: int = 1) -> bool:
        """Return whether the gain surely exceeds a number, if it is one of several tested."""
        return self.per_row - least > float(ndtri(1 - _CHANCE / max(1, tests))) * self.error

    def minus(self, *others: "Gain") -> "Gain":
        """Return what this gain has beyond others; one below 0 counts as none."""
        rest = self.per_row - sum(max(0.0, other.per_row) for other in others)
        return Gain(rest, float(np.hypot.reduce([self.error, *(o.error for o in others)])))


@dataclass(frozen=True, slots=True)
class ResidualSums:
    """Sums of slopes and curvatures of the loss over the rows of each cell, in two halves.

    With the margin m of a model, the loss of a row near m is ``l - g d + h d**2 / 2`` for a step d:
    g is y - p and h is p (1 - p) for log-loss, y - m and 1 for squared loss over its variance. The
    step that is best for the cell in one half, ``sum g / (sum h + prior)``, changes the loss of its
    rows in the other by ``-d sum g + d**2 / 2 sum h``. Since these took no part in choosing the
    step, the sum over cells is an honest gain; cells that tell nothing apart have one below 0. Its
    variance, given the steps, is ``sum d**2 sum h``, if the model's probabilities are right.

    Sums of disjoint sets of rows add up, exactly and in any order up to rounding.

    Attributes
    ----------
    slope, curvature : ndarray of float64, shape (2, n_cells, n_outputs)
    rows : int
        Number of rows.
    """

    slope: np.ndarray
    curvature: np.ndarray
    rows: int

    @classmethod
    def of(
        cls,
        cells: np.ndarray,
        half: np.ndarray,
        slope: np.ndarray,
        curvature: np.ndarray,
        n_cells: int,
    ) -> Self:
        """Sum rows.

        Parameters
        ----------
        cells : ndarray of int, shape (n_rows,)
            Each row's cell, from 0 to ``n_cells - 1``.
        half : ndarray of bool, shape (n_rows,)
        slope, curvature : ndarray of float64, shape (n_rows, n_outputs)
        """
        place = np.where(half, n_cells, 0) + cells
        shape = (2, n_cells, slope.shape[1])

        def summed(values: np.ndarray) -> np.ndarray:
            sums = [np.bincount(place, column, minlength=2 * n_cells) for column in values.T]
            return np.stack(sums, axis=-1).reshape(shape)

        return cls(summed(slope), summed(curvature), len(cells))

    def merge(self, other: Self) -> Self:
        """Return the sums of both sets of rows."""
        return type(self)(
            self.slope + other.slope, self.curvature + other.curvature, self.rows + other.rows
        )

    def gain(self, prior: float = 1.0) -> Gain:
        """Return the gain of telling the cells apart.

        Parameters
        ----------
        prior : float
            Curvature of a normal prior of each cell's step: 1 / its variance.
        """
        if not self.rows:
            return Gain(0.0, 0.0)
        steps = self.slope / (self.curvature + prior)
        slope, curvature = self.slope[::-1], self.curvature[::-1]
        total = (steps * slope - steps**2 / 2 * curvature).sum()
        variance = (steps**2 * curvature).sum()
        return Gain(float(total) / self.rows, float(np.sqrt(variance)) / self.rows)
