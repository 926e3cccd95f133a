"""CSR rows in the types that compiled kernels expect."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse

from petafit.compiled import njit


class SparseRows(NamedTuple):
    """The buffers of a CSR matrix, read-only, so that kernels are compiled for a single type.

    An explicit zero is equivalent to no entry; an index may occur more than once in a row.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_rows + 1,)
    indices : ndarray of int32, shape (nnz,)
    data : ndarray of float32, shape (nnz,)
    """

    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray


def as_rows(X: Any) -> SparseRows:
    """Convert a matrix (n_rows, n_features), without copying buffers that have the right type."""
    matrix = X.tocsr() if issparse(X) else csr_array(np.asarray(X, np.float32))
    return SparseRows(
        frozen(matrix.indptr, np.int64),
        frozen(matrix.indices, np.int32),
        frozen(matrix.data, np.float32),
    )


def frozen(array: Any, dtype: type[np.generic]) -> np.ndarray:
    """Return a contiguous, read-only view of an array with that dtype; copies only if necessary."""
    view = np.ascontiguousarray(array, dtype).view()
    view.flags.writeable = False
    return view


UNWEIGHTED = frozen(np.empty(0), np.float64)
"""The weights argument of kernels for rows that all weigh 1."""


@njit
def longest(indptr: np.ndarray) -> int:
    """Return the largest number of entries in a row."""
    most = 0
    for row in range(len(indptr) - 1):
        most = max(most, indptr[row + 1] - indptr[row])
    return most
