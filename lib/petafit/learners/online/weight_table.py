"""The optimizer's state of every coordinate of a model, in one table."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class CoordinateTable:
    """A coordinate's numbers, adjacent in memory, the intercept's last.

    Attributes
    ----------
    numbers : ndarray of float32, shape (n_features + 1, width + n_squares)
        First the numbers from which its weights are derived, then its sums of squared gradients:
        one for each weight, or one shared by all (n_squares 1).
    width : int
        Number of weights of a coordinate.
    """

    numbers: np.ndarray
    width: int

    @classmethod
    def of(cls, first: np.ndarray, squares: np.ndarray) -> Self:
        """Combine first numbers and squared gradients in a table."""
        both = np.concatenate([first, squares], axis=1, dtype=np.float32, casting="same_kind")
        return cls(both, first.shape[1])

    @property
    def first(self) -> np.ndarray:
        """The numbers from which weights are derived, (n_features + 1, width); a view."""
        return self.numbers[:, : self.width]

    @property
    def squares(self) -> np.ndarray:
        """Sums of squared gradients, (n_features + 1, n_squares); a view."""
        return self.numbers[:, self.width :]

    @property
    def n_squares(self) -> int:
        return self.numbers.shape[1] - self.width

    def copy(self) -> Self:
        """Return an independent copy."""
        return type(self)(self.numbers.copy(), self.width)

    def moved_from(self, first: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Return where the table differs from these numbers, bool of the shape of `squares`."""
        moved = self.first != first
        if self.n_squares < self.width:
            moved = moved.any(axis=1, keepdims=True)
        return np.asarray(moved | (self.squares != squares))


def squares_of_each(squares: np.ndarray, width: int) -> np.ndarray:
    """Return the squared gradients per weight: the mean over those weights that share a sum."""
    return squares * squares.dtype.type(squares.shape[1] / width)
