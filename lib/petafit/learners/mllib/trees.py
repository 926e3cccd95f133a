"""Decision trees of MLlib's and their ensembles, computed from their stored nodes.

A row descends from the root to the left where its feature is at most the node's threshold. Of its
leaf a classifier takes the shares of the classes among the training rows, a regressor their mean.
A forest averages these over its trees; boosted trees are a weighted sum, of which a classifier
makes the probability ``1 / (1 + exp(-2 sum))``.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from scipy.special import expit

from petafit.compiled import njit
from petafit.features.encoding.stored import reading
from petafit.learners.mllib.computed import MOST_NUMBERS, ComputedModel
from petafit.learners.mllib.stored import StoredEstimator
from petafit.learners.online.csr import frozen
from petafit.store.arrays import StateDict

_FORMS = {
    "DecisionTreeClassificationModel": "shares",
    "RandomForestClassificationModel": "shares",
    "GBTClassificationModel": "margin",
    "DecisionTreeRegressionModel": "value",
    "RandomForestRegressionModel": "mean",
    "GBTRegressionModel": "value",
}
_BOOSTED = ("GBTClassificationModel", "GBTRegressionModel")


class TreeNodes(NamedTuple):
    """The nodes of all trees, those of a tree one after the other.

    Attributes
    ----------
    roots : ndarray of int32, shape (n_trees,)
    features : ndarray of int32, shape (n_nodes,)
        The index of the feature that each node asks for.
    splits : ndarray of float64, shape (n_nodes,)
        The thresholds.
    children : ndarray of int32, shape (2, n_nodes)
        The nodes to the left and to the right, which are behind it; -1 for a leaf.
    values : ndarray of float64, shape (n_nodes, n_outputs)
        What a leaf adds: shares of the classes, or a number.
    """

    roots: np.ndarray
    features: np.ndarray
    splits: np.ndarray
    children: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class TreeEnsemble(ComputedModel):
    """One tree, or several.

    Attributes
    ----------
    n_inputs : int
        The number of features.
    form : {"shares", "margin", "mean", "value"}
        What the sum of the leaves' values means.
    nodes : TreeNodes
    """

    n_inputs: int
    form: str
    nodes: TreeNodes

    @classmethod
    def read(cls, stored: StoredEstimator) -> Self | None:
        """Read a stored model; None if it is not of trees, too large, or splits by categories.

        Raises
        ------
        StorageError
            It is damaged.
        """
        form = _FORMS.get(stored.name)
        if form is None:
            return None
        with reading(f"Spark's model in {stored.folder.uri}"):
            single = stored.name.startswith("DecisionTree")
            trees, nodes = _nodes(stored.table("data"), single)
            split = nodes["split"].combine_chunks()
            limits, children = split.field("leftCategoriesOrThreshold"), _children(trees, nodes)
            inner = children[0] >= 0
            by_category = split.field("numCategories").to_numpy()[inner] != -1
            if by_category.any():
                return None
            values = _values(stored, trees, nodes, shares=form == "shares")
            if values.size > MOST_NUMBERS:
                return None
            splits = np.zeros(len(trees))
            splits[inner] = limits.filter(pa.array(inner)).flatten().to_numpy()
            features = np.where(inner, split.field("featureIndex").to_numpy(), 0)
            n_inputs = int(stored.extra["numFeatures"])
            if features.min() < 0 or features.max() >= n_inputs:
                raise ValueError("features beyond those of the model")
            roots = np.flatnonzero(np.diff(trees, prepend=-1)).astype(np.int32)
            own = TreeNodes(roots, features.astype(np.int32), splits, children, values)
            return cls(n_inputs, form, own)

    @property
    def n_features(self) -> int:
        return self.n_inputs

    def predict(self, X: Any) -> np.ndarray:
        sums = np.zeros((X.shape[0], self.nodes.values.shape[1]))
        rows = frozen(X.indptr, np.int64), frozen(X.indices, np.int32), frozen(X.data, np.float64)
        add_leaves(*rows, *self._compact, sums)
        if self.form == "margin":
            return np.asarray(expit(2 * sums[:, 0]))
        if self.form == "value":
            return sums[:, 0]
        if self.form == "mean":
            return sums[:, 0] / len(self.nodes.roots)
        if len(self.nodes.roots) > 1:
            sums /= sums.sum(axis=1, keepdims=True)
        return sums[:, 1] if sums.shape[1] == 2 else sums

    @cached_property
    def _compact(self) -> tuple[np.ndarray, TreeNodes]:
        """The place of each feature among those that nodes ask for, and the nodes by these."""
        used = np.unique(self.nodes.features)
        places = np.full(self.n_features, -1, np.int32)
        places[used] = np.arange(len(used), dtype=np.int32)
        roots, features, splits, children, values = self.nodes
        nodes = TreeNodes(
            frozen(roots, np.int32),
            frozen(places[features], np.int32),
            frozen(splits, np.float64),
            frozen(children, np.int32),
            frozen(values, np.float64),
        )
        return frozen(places, np.int32), nodes

    def to_state_dict(self) -> StateDict:
        params = {"n_inputs": self.n_inputs, "form": self.form}
        return StateDict(self.nodes._asdict(), params)

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        return cls(**named.params, nodes=TreeNodes(**named.arrays))


@njit
def add_leaves(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    places: np.ndarray,
    nodes: TreeNodes,
    sums: np.ndarray,
) -> None:
    """Add the values of each row's leaves to its sums, tree by tree.

    An index may occur more than once in a row: such values add up.

    Parameters
    ----------
    indptr, indices, data
        Of a CSR matrix, (n_rows, n_features).
    places : ndarray of int32, shape (n_features,)
        The place of each feature in a row's buffer; -1: no node asks for it.
    nodes : TreeNodes
        Their features are places in the buffer.
    sums : ndarray of float64, shape (n_rows, n_outputs)
    """
    roots, features, splits, children, values = nodes
    buffer = np.zeros(features.max() + 1)
    for row in range(len(indptr) - 1):
        for entry in range(indptr[row], indptr[row + 1]):
            place = places[indices[entry]]
            if place >= 0:
                buffer[place] += data[entry]
        for tree in range(len(roots)):
            node = roots[tree]
            while children[0, node] >= 0:
                node = children[int(buffer[features[node]] > splits[node]), node]
            for output in range(values.shape[1]):
                sums[row, output] += values[node, output]
        for entry in range(indptr[row], indptr[row + 1]):
            place = places[indices[entry]]
            if place >= 0:
                buffer[place] = 0.0


def _nodes(table: pa.Table, single: bool) -> tuple[np.ndarray, pa.Table]:
    """Return the number of each node's tree, and the nodes: those of a tree in their order."""
    if not single:
        nodes = table["nodeData"].combine_chunks()
        columns = [nodes.field(place) for place in range(nodes.type.num_fields)]
        names = [field.name for field in nodes.type]
        table = pa.table([table["treeID"], *columns], names=["treeID", *names])
        table = table.sort_by([("treeID", "ascending"), ("id", "ascending")])
        trees = table["treeID"].to_numpy()
    else:
        table, trees = table.sort_by("id"), np.zeros(len(table), np.int32)
    if np.unique(trees).tolist() != list(range(trees.max() + 1)):
        raise ValueError("missing trees")
    return trees, table


def _children(trees: np.ndarray, nodes: pa.Table) -> np.ndarray:
    """Return the children by their place among all nodes, (2, n_nodes); -1 for leaves."""
    firsts = np.searchsorted(trees, trees)
    own = np.arange(len(trees))
    if (nodes["id"].to_numpy() != own - firsts).any():
        raise ValueError("missing nodes")
    given = np.stack([nodes["leftChild"].to_numpy(), nodes["rightChild"].to_numpy()])
    leaf = given[0] < 0
    places = np.where(leaf, -1, given + firsts)
    ends = np.searchsorted(trees, trees, side="right")
    if (~leaf & ((places <= own) | (places >= ends))).any():
        raise ValueError("nodes that are no tree")
    return places.astype(np.int32)


def _values(
    stored: StoredEstimator, trees: np.ndarray, nodes: pa.Table, *, shares: bool
) -> np.ndarray:
    """Return what each node adds if it is a leaf, (n_nodes, n_outputs)."""
    if shares:
        counts = np.array(nodes["impurityStats"].to_pylist(), np.float64)
        totals = counts.sum(axis=1, keepdims=True)
        return counts / np.where(totals, totals, 1)
    values = nodes["prediction"].to_numpy()
    if stored.name in _BOOSTED:
        table = stored.table("treesMetadata")
        weights = np.empty(trees.max() + 1)
        weights[table.column(0).to_numpy()] = table.column(2).to_numpy()
        values = values * weights[trees]
    return np.ascontiguousarray(values[:, None])
