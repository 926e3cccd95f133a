"""MLlib's clusterers, computed from what Spark stored without Spark."""

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from petafit.learners.mllib.computed import ComputedModel

_FAR = 4.0
"""Squared distances from centers with coordinates above it are summed without cancellation."""

_MOST_FAR = 256


class ClusterModel(ComputedModel):
    """A model that puts every row into one of its clusters.

    Attributes
    ----------
    n_clusters : int
        Their numbers are those below it.
    cosine : bool
        Its distances are those of directions, 1 - cosine.
    """

    cosine: bool = False

    @property
    @abstractmethod
    def n_clusters(self) -> int: ...

    @abstractmethod
    def assign(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's cluster, and its share of the loss that the learner minimised.

        Parameters
        ----------
        X : csr_array of float64, shape (n_rows, n_features)

        Returns
        -------
        clusters : ndarray of intp, shape (n_rows,)
        losses : ndarray of float64, shape (n_rows,)
        """


def summed(X: csr_array) -> csr_array:
    """Return rows in which every index occurs once."""
    own = X.copy()
    own.sum_duplicates()
    return own


def square_norms(X: csr_array) -> np.ndarray:
    """Return the squared length of every row, in which no index may occur twice, (n_rows,)."""
    return np.asarray(csr_array((X.data**2, X.indices, X.indptr), X.shape) @ np.ones(X.shape[1]))


def directions(X: csr_array) -> csr_array:
    """Return rows of length 1; one without direction has NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = 1 / np.sqrt(square_norms(X))
    scale[~np.isfinite(scale)] = np.nan
    data = X.data * np.repeat(scale, np.diff(X.indptr))
    return csr_array((data, X.indices, X.indptr), X.shape)


def square_distances(X: csr_array, points: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distances of rows from points.

    ``|x|**2 - 2 x p + |p|**2`` loses as many digits as the lengths exceed the distance. Columns
    without scale, which cause that, are therefore subtracted one by one.

    Parameters
    ----------
    X : csr_array of float64, shape (n_rows, n_features)
        No index may occur twice in a row.
    points : ndarray of float64, shape (n_points, n_features)

    Returns
    -------
    ndarray of float64, shape (n_rows, n_points)
    """
    sizes = np.abs(points).max(axis=0, initial=0.0)
    far = np.argsort(-sizes, kind="stable")[:_MOST_FAR]
    far = np.sort(far[sizes[far] > _FAR])
    apart = np.zeros((X.shape[0], len(points)))
    if far.size:
        own = X[:, far].toarray()
        for place, point in enumerate(points[:, far]):
            apart[:, place] = np.square(own - point).sum(axis=1)
        is_far = np.zeros(X.shape[1], bool)
        is_far[far] = True
        data = np.where(is_far[X.indices], 0.0, X.data)
        X = csr_array((data, X.indices, X.indptr), X.shape)
        points = np.where(is_far, 0.0, points)
    near = square_norms(X)[:, None] - 2 * (X @ points.T) + np.square(points).sum(axis=1)
    return np.asarray(apart + np.maximum(near, 0.0))
