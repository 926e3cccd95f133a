"""Encoded rows, the input of learners."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from petafit.errors import StorageError


def check_entries(counts: np.ndarray, indices: np.ndarray, n_features: int) -> None:
    """Refuse stored sparse rows that point outside their arrays, since kernels do not check bounds.

    Parameters
    ----------
    counts : ndarray of int
        Number of entries of each row.
    indices : ndarray of int
        Indices of all entries, below `n_features`.

    Raises
    ------
    StorageError
        The arrays are inconsistent.
    """
    wrong = counts.min(initial=0) < 0 or int(counts.sum(dtype=np.int64)) != len(indices)
    if wrong or indices.min(initial=0) < 0 or indices.max(initial=0) >= n_features:
        raise StorageError(
            "Stored rows are damaged",
            expected=f"entries of each row, with indices below {n_features}",
            got=f"{len(indices)} entries, indices up to {indices.max(initial=0)}",
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded rows.

    Attributes
    ----------
    X : csr_array or ndarray, shape (n_rows, n_features)
        A CSR array may have an index more than once in a row; such values add up.
    y : ndarray of float64, shape (n_rows,), or None
        The class's position in the statistics' classes, or the number to predict.
    weight : ndarray of float64, shape (n_rows,), or None
        None: every row weighs 1.
    holdout : ndarray of bool, shape (n_rows,), or None
        Rows of the merge holdout, not to be learnt from; None: no row is.
    quarantined : int
        Number of rows left out because they break the contract.
    example : str or None
        Why one of these rows was left out.
    origins : ndarray of uint16, shape (nnz,), or None
        Of which feature each entry was made, by its position; None where it is not traced.
    """

    X: csr_array | np.ndarray
    y: np.ndarray | None = None
    weight: np.ndarray | None = None
    holdout: np.ndarray | None = None
    quarantined: int = 0
    example: str | None = None
    origins: np.ndarray | None = None

    @property
    def num_rows(self) -> int:
        """Number of rows read."""
        return int(self.X.shape[0]) + self.quarantined
