"""Rows of variable length, each with the indices and values of some features."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from petafit.compiled import njit
from petafit.features.encoding.pool import pooled


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
