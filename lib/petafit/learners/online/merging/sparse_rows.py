"""Sums of arrays over subsets of a model's coordinates: shards of a large model touch few of them.

An index holds the coordinates present, ascending, int32; None stands for all of them.
"""

import numpy as np

from petafit.compiled import njit

Index = np.ndarray | None

_MANY = 0.25
"""From this share on a union holds all coordinates: scanning them is faster than an index is small.
"""

_FEW = 1 / 16
"""Below this share a union is computed by sorting."""


def union(left: Index, right: Index, total: int) -> Index:
    """Return the union of two indices; None (all) once it reaches a quarter of the coordinates.

    Parameters
    ----------
    total : int
        Number of coordinates.

    Examples
    --------
    >>> union(np.array([1, 5]), np.array([5, 7]), 100).tolist()
    [1, 5, 7]
    >>> union(np.array([1, 5]), np.array([5, 7]), 9) is None
    True
    """
    if left is None or right is None:
        return None
    larger = max(len(left), len(right))
    if larger >= _MANY * total:
        return None
    if larger < _FEW * total:
        both = np.union1d(left, right).astype(np.int32)
    else:
        present = np.zeros(total, bool)
        present[left] = present[right] = True
        both = np.flatnonzero(present).astype(np.int32)
    return both if len(both) < _MANY * total else None


def added(
    left: np.ndarray,
    of_left: Index,
    right: np.ndarray,
    of_right: Index,
    *,
    over: Index,
    total: int,
) -> np.ndarray:
    """Return the sum of two arrays (n_coordinates, n_outputs), each over the coordinates of its
    index.

    Modifies and returns the left array if that has all coordinates of the union.

    Parameters
    ----------
    over : ndarray of int32 or None
        The union of both.
    """
    size = total if over is None else len(over)
    whole = left
    if len(left) < size:
        whole = np.zeros((size, left.shape[1]), left.dtype)
        add_at(left, places_of(of_left, over), whole)
    add_at(right, places_of(of_right, over), whole)
    return whole


def subtracted(whole: np.ndarray, of_whole: Index, part: np.ndarray, of_part: Index) -> np.ndarray:
    """Subtract an array over some of the coordinates: the inverse of `added`."""
    rest = whole.copy()
    rest[places_of(of_part, of_whole)] -= part
    return rest


def taken(values: np.ndarray, of_values: Index, wanted: np.ndarray) -> np.ndarray:
    """Select an array's values at some coordinates, 0 where it has none.

    Examples
    --------
    >>> taken(np.array([[5.0], [7.0]]), np.array([2, 4]), np.array([1, 2])).tolist()
    [[0.0], [5.0]]
    """
    if of_values is None:
        return values[wanted]
    if not len(of_values):
        return np.zeros((len(wanted), values.shape[1]), values.dtype)
    places = np.minimum(np.searchsorted(of_values, wanted), len(of_values) - 1)
    return np.where((of_values[places] == wanted)[:, None], values[places], values.dtype.type(0))


def add_at(values: np.ndarray, places: np.ndarray | slice, whole: np.ndarray) -> None:
    """Add values at distinct positions of an array."""
    if isinstance(places, slice):
        whole[places] += values
    else:
        _add_at(values, places, whole)


def places_of(index: Index, over: Index) -> np.ndarray | slice:
    """Return the positions of an index's coordinates among all, or among those of another index."""
    if index is None:
        return slice(None)
    return index if over is None else np.searchsorted(over, index)


@njit
def _add_at(values: np.ndarray, places: np.ndarray, whole: np.ndarray) -> None:
    """Compute ``whole[places] += values``, for which numpy takes three times as long."""
    for k in range(np.uint64(len(places))):
        place = np.uint64(places[k])
        for output in range(np.uint64(values.shape[1])):
            whole[place, output] += values[k, output]
