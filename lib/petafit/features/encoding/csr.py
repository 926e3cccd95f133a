"""Assembly of encoded columns into the rows of a sparse matrix."""

import numpy as np
from scipy.sparse import csr_array

from petafit.compiled import njit
from petafit.features.encoding.pool import pooled
from petafit.features.encoding.ragged import Ragged

_LINE_BYTES = 64


def room_for_columns(n_columns: int, n_rows: int, dtype: type | str) -> np.ndarray:
    """Allocate an uninitialised array of shape (n_columns, at least n_rows) for `to_csr`.

    A column takes an odd number of cache lines. Columns at a stride of a power of two would map to
    a few cache sets and evict each other: reading along rows would take three times as long.
    """
    itemsize = np.dtype(dtype).itemsize
    lines = -(-n_rows * itemsize // _LINE_BYTES) | 1
    width = lines * _LINE_BYTES // itemsize
    return pooled(n_columns * width, np.dtype(dtype)).reshape(n_columns, width)


def to_csr(
    numeric: np.ndarray,
    values: np.ndarray,
    categories: np.ndarray,
    ragged: Ragged | None = None,
    *,
    n_rows: int,
    n_features: int,
) -> csr_array:
    """Combine numeric values, categories and texts, in this order, row by row.

    Parameters
    ----------
    numeric : ndarray of int32, shape (n_numeric,)
        The index of each numeric feature.
    values : ndarray of float32 or float64, shape (n_numeric, at least n_rows)
        NaN leaves the feature out.
    categories : ndarray of int32, shape (n_categories, at least n_rows)
        The index of each category; a negative one leaves it out.
    ragged : Ragged, optional
        Further entries of each row.
    n_features : int

    Returns
    -------
    csr_array of shape (n_rows, n_features)
        Has the type of `values`.
    """
    if ragged is None:
        ragged = _nothing(n_rows)
    most = n_rows * (len(values) + len(categories)) + len(ragged.indices)
    indptr = np.empty(n_rows + 1, np.int32)
    indices, data = pooled(most, np.int32), pooled(most, values.dtype)
    _fill(
        numeric,
        values,
        categories,
        ragged.offsets,
        ragged.indices,
        ragged.values,
        indptr,
        indices,
        data,
    )
    end = indptr[-1]
    return csr_array((data[:end], indices[:end], indptr), shape=(n_rows, n_features))


def _nothing(n_rows: int) -> Ragged:
    return Ragged(np.zeros(n_rows + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


@njit
def _fill(
    numeric: np.ndarray,
    values: np.ndarray,
    categories: np.ndarray,
    offsets: np.ndarray,
    ragged_indices: np.ndarray,
    ragged_values: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
) -> None:
    """Write every entry, but advance only if it is kept: there is no branch to mispredict.

    Positions are unsigned, so compiled code need not check for negative indices.
    """
    at = np.uint64(0)
    indptr[0] = 0
    for i in range(indptr.size - 1):
        for k in range(values.shape[0]):
            value = values[k, i]
            indices[at], data[at] = numeric[k], value
            at += np.uint64(not np.isnan(value))
        for k in range(categories.shape[0]):
            index = categories[k, i]
            indices[at], data[at] = index, 1.0
            at += np.uint64(index >= 0)
        for k in range(offsets[i], offsets[i + 1]):
            indices[at], data[at] = ragged_indices[k], ragged_values[k]
            at += np.uint64(1)
        indptr[i + 1] = at
