"""Sparse rows as compiled kernels take them."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse

from petafit.compiled import njit


class SparseRows(NamedTuple):
    """The buffers of a CSR matrix, all read-only, so that kernels are compiled for one type only.

    An explicit zero is as good as no entry; an index may occur more than once in a row.

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
    """The buffers of a matrix (n_rows, n_features); nothing is copied if the types are right."""
    matrix = X.tocsr() if issparse(X) else csr_array(np.asarray(X, np.float32))
    return SparseRows(
        frozen(matrix.indptr, np.int64),
        frozen(matrix.indices, np.int32),
        frozen(matrix.data, np.float32),
    )


def frozen(array: Any, dtype: type[np.generic]) -> np.ndarray:
    """A contiguous, read-only view of an array of that type; a copy only where it must be."""
    view = np.ascontiguousarray(array, dtype).view()
    view.flags.writeable = False
    return view


UNWEIGHTED = frozen(np.empty(0), np.float64)
"""The weights of rows that all weigh 1, as the kernels take them."""


@njit
def longest(indptr: np.ndarray) -> int:
    """The most entries that a row has."""
    most = 0
    for row in range(len(indptr) - 1):
        most = max(most, indptr[row + 1] - indptr[row])
    return most
