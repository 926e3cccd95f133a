"""Margins of many models that differ from a base model in few coordinates each."""

import numpy as np

from petafit.compiled import njit
from petafit.learners.online.csr import SparseRows


@njit
def moved_margins(
    rows: SparseRows, indptr: np.ndarray, column: np.ndarray, difference: np.ndarray, n_columns: int
) -> np.ndarray:
    """Return the models' changes of each row's margins, (n_rows, n_columns) float64.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_features + 2,)
        Start of each coordinate's differences, the intercept's last.
    column : ndarray of int32, shape (n_differences,)
        Model and output of each difference.
    difference : ndarray of float32, shape (n_differences,)
    n_columns : int
        Number of models times outputs.
    """
    moved = np.zeros((len(rows.indptr) - 1, n_columns))
    bias = len(indptr) - 2
    for row in range(len(moved)):
        for at in range(indptr[bias], indptr[bias + 1]):
            moved[row, column[at]] += difference[at]
        for entry in range(rows.indptr[row], rows.indptr[row + 1]):
            coordinate, value = rows.indices[entry], rows.data[entry]
            for at in range(indptr[coordinate], indptr[coordinate + 1]):
                moved[row, column[at]] += value * difference[at]
    return moved
