"""Encoded rows, as a learner takes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from petafit.compiled import njit


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
    quarantined : int
        Rows that were left out, since they break the contract.
    example : str or None
        What is wrong with one of them.
    """

    X: csr_array | np.ndarray
    y: np.ndarray | None = None
    weight: np.ndarray | None = None
    quarantined: int = 0
    example: str | None = None

    @property
    def num_rows(self) -> int:
        """Rows that were read."""
        return int(self.X.shape[0]) + self.quarantined


def to_csr(
    numeric: np.ndarray, values: np.ndarray, categories: np.ndarray, *, n_features: int
) -> csr_array:
    """Put numeric values and categories together, row by row.

    Parameters
    ----------
    numeric : ndarray of int32, shape (n_numeric,)
        The index of each numeric feature.
    values : ndarray of float32 or float64, shape (n_numeric, n_rows)
        NaN leaves the feature out.
    categories : ndarray of int32, shape (n_categories, n_rows)
        The index of each category; a negative one leaves it out.
    n_features : int
    """
    n_rows = values.shape[1]
    indptr = np.empty(n_rows + 1, np.int32)
    _count(values, categories, indptr)
    indices = _pooled(indptr[-1], np.dtype(np.int32))
    data = _pooled(indptr[-1], values.dtype)
    _fill(numeric, values, categories, indptr, indices, data)
    return csr_array((data, indices, indptr), shape=(n_rows, n_features))


def _pooled(size: np.int32, dtype: np.dtype[Any]) -> np.ndarray:
    """An uninitialised array from Arrow's memory pool.

    The pool keeps what the last batch has freed; malloc gives arrays of this size back to the
    system, and a third of the encoder's time would go into paging them in again.
    """
    return np.frombuffer(pa.allocate_buffer(int(size) * dtype.itemsize), dtype)


@njit
def _count(values: np.ndarray, categories: np.ndarray, indptr: np.ndarray) -> None:
    """Write where each row starts: column by column, as the inputs lie in memory."""
    n_rows = indptr.size - 1
    indptr[:] = 0
    for k in range(values.shape[0]):
        for i in range(n_rows):
            indptr[i + 1] += not np.isnan(values[k, i])
    for k in range(categories.shape[0]):
        for i in range(n_rows):
            indptr[i + 1] += categories[k, i] >= 0
    for i in range(n_rows):
        indptr[i + 1] += indptr[i]


@njit
def _fill(
    numeric: np.ndarray,
    values: np.ndarray,
    categories: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
) -> None:
    """Turn columns into rows, a few rows at a time, so that what is written stays in the cache.

    Positions are unsigned: compiled code need not ask whether they count from the end.
    """
    n_rows = indptr.size - 1
    block = 64
    position = np.empty(block, np.uint32)
    for start in range(0, n_rows, block):
        count = min(block, n_rows - start)
        for j in range(count):
            position[j] = indptr[start + j]
        for k in range(values.shape[0]):
            for j in range(count):
                value = values[k, start + j]
                if not np.isnan(value):
                    at = position[j]
                    indices[at] = numeric[k]
                    data[at] = value
                    position[j] = at + np.uint32(1)
        for k in range(categories.shape[0]):
            for j in range(count):
                index = categories[k, start + j]
                if index >= 0:
                    at = position[j]
                    indices[at] = index
                    data[at] = 1.0
                    position[j] = at + np.uint32(1)
