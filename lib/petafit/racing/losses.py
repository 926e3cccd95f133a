"""Paired losses of candidates over the same rows, as sums that merge."""

from dataclasses import dataclass

import numpy as np

from petafit.store.arrays import StateDict

LARGEST = 1e9
"""Upper limit of a row's loss, so that sums of squares stay finite."""


@dataclass(frozen=True)
class PairedLosses:
    """Sums over rows of the weighted losses of candidates.

    With z the loss of a candidate in a row times the row's weight, the sums of all products of two
    z give the mean and the variance of the difference of any two candidates.

    Attributes
    ----------
    rows : int
        Rows of weight above 0.
    weight : float
    sums : ndarray of shape (n_candidates,)
        Of z.
    products : ndarray of shape (n_candidates, n_candidates)
        Of z and z of another.
    """

    rows: int
    weight: float
    sums: np.ndarray
    products: np.ndarray

    @classmethod
    def none(cls, n_candidates: int) -> "PairedLosses":
        """Return the sums over no rows."""
        return cls(0, 0.0, np.zeros(n_candidates), np.zeros((n_candidates, n_candidates)))

    @classmethod
    def of(cls, losses: np.ndarray, weight: np.ndarray | None) -> "PairedLosses":
        """Return the sums over rows.

        Parameters
        ----------
        losses : ndarray of shape (n_candidates, n_rows)
        weight : ndarray of shape (n_rows,) or None
        """
        z = np.minimum(losses, LARGEST)
        rows, total = losses.shape[1], float(losses.shape[1])
        if weight is not None:
            z = z * weight
            rows, total = int(np.count_nonzero(weight)), float(weight.sum())
        return cls(rows, total, z.sum(axis=1), z @ z.T)

    def __add__(self, other: "PairedLosses") -> "PairedLosses":
        return PairedLosses(
            self.rows + other.rows,
            self.weight + other.weight,
            self.sums + other.sums,
            self.products + other.products,
        )

    def means(self) -> np.ndarray:
        """Return the weighted mean loss of each candidate, (n_candidates,)."""
        return self.sums / max(self.weight, np.finfo(np.float64).tiny)

    def differences(self, leader: int) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and deviation over rows of z less that of the leader, (n_candidates,)."""
        n, products = max(self.rows, 1), self.products
        means = (self.sums - self.sums[leader]) / n
        squares = (np.diag(products) - 2 * products[leader] + products[leader, leader]) / n
        return means, np.sqrt(np.maximum(squares - means**2, 0.0))

    def to_state_dict(self) -> StateDict:
        """Return the sums as arrays."""
        return StateDict(
            {"sums": self.sums, "products": self.products},
            {"rows": self.rows, "weight": self.weight},
        )

    @classmethod
    def from_state_dict(cls, named: StateDict) -> "PairedLosses":
        """Return the sums that `to_state_dict` wrote."""
        return cls(
            named.params["rows"],
            named.params["weight"],
            named.arrays["sums"],
            named.arrays["products"],
        )
