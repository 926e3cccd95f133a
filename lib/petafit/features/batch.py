"""Encoded rows, as a learner takes them."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded rows.

    Attributes
    ----------
    X : csr_array or ndarray, shape (n_rows, n_features)
        A CSR array may hold an index more than once in a row; such values add up.
    y : ndarray of float64, shape (n_rows,), or None
        The class's position in the facts' classes, or the number to predict.
    weight : ndarray of float64, shape (n_rows,), or None
        None: every row weighs 1.
    reserved : ndarray of bool, shape (n_rows,), or None
        Rows that are kept for fitting the merge, and not to be learnt from; None: no row is.
    quarantined : int
        Rows that were left out, since they break the contract.
    example : str or None
        What is wrong with one of them.
    """

    X: csr_array | np.ndarray
    y: np.ndarray | None = None
    weight: np.ndarray | None = None
    reserved: np.ndarray | None = None
    quarantined: int = 0
    example: str | None = None

    @property
    def num_rows(self) -> int:
        """Rows that were read."""
        return int(self.X.shape[0]) + self.quarantined
