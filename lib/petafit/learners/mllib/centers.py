"""K-means and bisecting k-means of MLlib's, computed from their stored centers.

A row belongs to the cluster with the nearest center. In bisecting k-means the centers are the
leaves of a tree, and a row descends from its root to the child with the nearest center.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from petafit.features.encoding.stored import reading
from petafit.learners.mllib.clusters import (
    ClusterModel,
    directions,
    square_distances,
    summed,
)
from petafit.learners.mllib.computed import vector
from petafit.learners.mllib.stored import StoredEstimator
from petafit.store.arrays import StateDict


@dataclass(frozen=True)
class ClusterCenters(ClusterModel):
    """Centers of clusters, and of the inner nodes above them.

    Attributes
    ----------
    centers : ndarray of float64, shape (n_nodes, n_features)
        The clusters' in the order of their numbers, then those of inner nodes, children first; of
        length 1 where `cosine`.
    parents : ndarray of intp, shape (n_nodes,)
        The node above each, which is behind it; -1 for the root, and for all nodes of a model
        without a tree.
    cosine : bool
    """

    centers: np.ndarray
    parents: np.ndarray
    cosine: bool = False

    @classmethod
    def read(cls, stored: StoredEstimator) -> Self | None:
        """Read a stored model; None if it has no centers.

        Raises
        ------
        StorageError
            It is damaged.
        """
        cosine = stored.params.get("distanceMeasure") == "cosine"
        with reading(f"Spark's model in {stored.folder.uri}"):
            if stored.name == "KMeansModel":
                table = stored.table("data").sort_by("clusterIdx")
                _refuse_gaps(table["clusterIdx"], len(table))
                centers = np.array([vector(each) for each in table["clusterCenter"]])
                return cls(_scaled(centers, cosine), np.full(len(centers), -1), cosine)
            if stored.name == "BisectingKMeansModel":
                return cls._of_tree(stored.table("data"), cosine)
        return None

    @classmethod
    def _of_tree(cls, table: pa.Table, cosine: bool) -> Self:
        """Number the nodes so that inner ones follow their children.

        Spark gives clusters their own numbers, and inner nodes falling ones below 0 from the root
        on, which are lower for a node than for the one above it.
        """
        index = table["index"].to_numpy()
        order = np.lexsort((index, index < 0))
        leaves = int((index >= 0).sum())
        _refuse_gaps(table["index"].take(order[:leaves]), leaves)
        place = {number: at for at, number in enumerate(index[order].tolist())}
        parents = np.full(len(order), -1)
        for number, children in zip(index.tolist(), table["children"].to_pylist(), strict=True):
            for child in children:
                parents[place[child]] = place[number]
        above = parents[parents >= 0]
        if (parents == -1).sum() != 1 or (above <= np.flatnonzero(parents >= 0)).any():
            raise ValueError("nodes that are no tree")
        nodes = table["center"].take(order)
        centers = np.array([vector(each) for each in nodes])
        return cls(_scaled(centers, cosine), parents, cosine)

    @property
    def n_features(self) -> int:
        return int(self.centers.shape[1])

    @property
    def n_clusters(self) -> int:
        return len(self.centers) - len(self._children)

    def predict(self, X: Any) -> np.ndarray:
        """Return each row's cluster and its distance from the center, (n_rows, 2)."""
        clusters, losses = self.assign(X)
        return np.column_stack([clusters, losses if self.cosine else np.sqrt(losses)])

    def assign(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's cluster, and its squared distance, or its distance by the cosine."""
        rows = summed(X)
        if self.cosine:
            distances = 1 - directions(rows) @ self.centers.T
            distances[np.diff(rows.indptr) == 0] = np.nan  # it has no direction
        else:
            distances = square_distances(rows, self.centers)
        if not self._children:
            clusters = distances.argmin(axis=1)
        else:
            clusters = np.full(len(distances), len(self.centers) - 1)
            for node, children in self._children.items():  # from the root on
                at = np.flatnonzero(clusters == node)
                clusters[at] = children[distances[np.ix_(at, children)].argmin(axis=1)]
        return clusters, distances[np.arange(len(clusters)), clusters]

    @cached_property
    def _children(self) -> dict[int, np.ndarray]:
        """The children of each inner node, the root's first."""
        inner = np.unique(self.parents[self.parents >= 0])[::-1]
        return {int(node): np.flatnonzero(self.parents == node) for node in inner}

    def to_state_dict(self) -> StateDict:
        places = np.flatnonzero(self.centers.any(axis=0))
        arrays = {"places": places, "centers": self.centers[:, places], "parents": self.parents}
        return StateDict(arrays, {"n_features": self.n_features, "cosine": self.cosine})

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        arrays, params = named.arrays, named.params
        centers = np.zeros((len(arrays["parents"]), params["n_features"]))
        centers[:, arrays["places"]] = arrays["centers"]
        return cls(centers, arrays["parents"], params["cosine"])


def _scaled(centers: np.ndarray, cosine: bool) -> np.ndarray:
    """Return centers of length 1 where only their directions count."""
    return centers / np.linalg.norm(centers, axis=1, keepdims=True) if cosine else centers


def _refuse_gaps(numbers: pa.ChunkedArray, count: int) -> None:
    if numbers.to_pylist() != list(range(count)):
        raise ValueError("clusters without numbers of their own")
