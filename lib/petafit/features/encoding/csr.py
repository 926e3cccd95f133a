"""Sparse rows: ragged ones, and the assembly of encoded columns into a CSR matrix."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from petafit.compiled import njit
from petafit.features.buffers import pooled


class Ragged(NamedTuple):
    """Sparse rows, concatenated.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_rows + 1,)
        Row i is ``indices[offsets[i] : offsets[i + 1]]``, and the values there.
    indices : ndarray of int32, shape (offsets[-1],)
    values : ndarray of float32, shape (offsets[-1],)
    """

    offsets: np.ndarray
    indices: np.ndarray
    values: np.ndarray


def gathered(parts: Sequence[tuple[Ragged, np.ndarray]]) -> Ragged:
    """Concatenate rows selected from each part.

    Parameters
    ----------
    parts : sequence of (Ragged, ndarray of int32, shape (n_rows,))
        For each new row, the part's row to append; negative for none.
    """
    sizes = np.zeros(len(parts[0][1]) + 1, np.int64)
    for part, rows in parts:
        _add_sizes(part.offsets, rows, sizes)
    offsets = np.cumsum(sizes)
    indices, values = pooled(offsets[-1], np.int32), pooled(offsets[-1], np.float32)
    position = offsets[:-1].copy()
    for part, rows in parts:
        _copy(part.offsets, part.indices, part.values, rows, position, indices, values)
    return Ragged(offsets, indices, values)


@njit
def _add_sizes(offsets: np.ndarray, rows: np.ndarray, sizes: np.ndarray) -> None:
    for i in range(rows.size):
        if rows[i] >= 0:
            sizes[i + 1] += offsets[rows[i] + 1] - offsets[rows[i]]


@njit
def _copy(
    offsets: np.ndarray,
    part_indices: np.ndarray,
    part_values: np.ndarray,
    rows: np.ndarray,
    position: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
) -> None:
    """Copy a part's rows to their places, and advance `position` past them."""
    for i in range(rows.size):
        if rows[i] >= 0:
            start, stop = offsets[rows[i]], offsets[rows[i] + 1]
            at = position[i]
            position[i] = at + stop - start
            indices[at : position[i]] = part_indices[start:stop]
            values[at : position[i]] = part_values[start:stop]


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
