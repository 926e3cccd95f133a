"""Comparison of an exported model's predictions with petafit's own."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from petafit.errors import StorageError


@dataclass(frozen=True)
class Parity:
    """The largest difference between two predictions of the same rows.

    Attributes
    ----------
    rows : int
        Rows tried.
    largest_difference : float
        Absolute where the prediction is at most 1, relative where it is larger.
    at_row : int
        The row with the largest difference, counted from 0.
    own, exported : float
        Its predictions by petafit and by the exported model.
    """

    rows: int
    largest_difference: float
    at_row: int
    own: float
    exported: float

    @classmethod
    def of(cls, own: np.ndarray, exported: np.ndarray) -> "Parity":
        """Compare predictions, (n_rows,) or (n_rows, n_classes); NaN differs from all numbers.

        Raises
        ------
        StorageError
            They have different shapes.
        """
        if own.shape != exported.shape:
            raise StorageError(
                "The exported model gives another number of predictions",
                expected=own.shape,
                got=exported.shape,
            )
        apart = np.abs(exported - own) / np.maximum(1.0, np.abs(own))
        apart = np.where(np.isnan(apart), np.inf, apart)
        place = np.unravel_index(int(apart.argmax()), apart.shape)
        return cls(
            len(own), float(apart[place]), int(place[0]), float(own[place]), float(exported[place])
        )

    def require(self, tolerance: float) -> None:
        """Refuse a larger difference.

        Raises
        ------
        StorageError
            The predictions differ by more.
        """
        if self.largest_difference > tolerance:
            raise StorageError(
                "The exported model predicts otherwise than petafit: nothing was written",
                expected=f"{self.own!r} at row {self.at_row:,}, to {tolerance:g}",
                got=f"{self.exported!r}, of {self.rows:,} rows the largest difference",
                hint="Report it with the task file; until then predict with petafit.",
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)
