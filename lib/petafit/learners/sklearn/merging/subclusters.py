"""Birch: the subclusters of all shards, as sums, are inserted into one tree."""

from typing import Any

import numpy as np
from sklearn.cluster._birch import _CFNode, _CFSubcluster, _split_node

from petafit.learners.sklearn.merging.rule import MergeRule
from petafit.learners.sklearn.merging.sample import joined, rows_and_weights, sample
from petafit.learners.sklearn.serialization import decode, encode
from petafit.store.arrays import StateDict

_BEFORE = "subclusters_before_"
"""Attribute with the subclusters that a shard started from, and their original sums."""


class Subclusters(MergeRule):
    """Merges Birch.

    A subcluster is the number, the sum and the squared length of its rows. A shard that started
    from a model reports only its additions to each.
    """

    how = "approximate: the shards' subclusters, as sums, grow into one tree"
    forget = (
        "root_",
        "dummy_leaf_",
        "labels_",
        "subcluster_centers_",
        "subcluster_labels_",
        "_subcluster_norms",
        _BEFORE,
    )

    def prepared(self, estimator: Any) -> Any:
        vars(estimator)[_BEFORE] = [[leaf, *_sums(leaf)] for leaf in _leaves(estimator)]
        return estimator

    def alone(self, summary: StateDict) -> StateDict:
        estimator = decode(summary.part("estimator"), copy=False)
        if vars(estimator).pop(_BEFORE, None) is None:
            return summary.part("estimator")
        return encode(estimator)

    def parts(self, estimator: Any, note: Any) -> StateDict:
        before = {id(leaf): sums for leaf, *sums in vars(estimator).get(_BEFORE, ())}
        rows = []
        for leaf in _leaves(estimator):
            n, squares, total = _sums(leaf)
            n_before, squares_before, before_total = before.get(id(leaf), (0, 0.0, 0.0))
            if n > n_before:
                added = [n - n_before, squares - squares_before, *(total - before_total)]
                rows.append(np.array(added, np.float64))
        dtype = estimator.subcluster_centers_.dtype.str
        width = 2 + estimator.n_features_in_
        grown = np.array(rows).reshape(-1, width)
        return sample(grown, grown[:, 0]) | StateDict(params={"dtype": dtype})

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        return joined(left, right)

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        dtype = np.dtype(parts.params["dtype"])
        _plant(estimator, dtype)
        for leaf in _leaves(start) if start is not None else ():
            _insert(estimator, _subcluster(*_sums(leaf)), dtype)
        rows, weights = rows_and_weights(parts)
        for row, weight in zip(rows, weights, strict=True):
            sums = row * (weight / row[0])
            _insert(estimator, _subcluster(sums[0], sums[1], sums[2:].astype(dtype)), dtype)
        centres = [node.centroids_ for node in estimator._get_leaves()]
        estimator.subcluster_centers_ = np.concatenate(centres)
        estimator._n_features_out = len(estimator.subcluster_centers_)
        estimator._global_clustering()


def _leaves(birch: Any) -> list[Any]:
    """Return the subclusters of rows, not of other subclusters."""
    return [leaf for node in birch._get_leaves() for leaf in node.subclusters_]


def _sums(leaf: Any) -> tuple[float, float, np.ndarray]:
    return leaf.n_samples_, leaf.squared_sum_, leaf.linear_sum_


def _subcluster(n: float, squares: float, total: np.ndarray) -> Any:
    subcluster = _CFSubcluster(linear_sum=total)
    subcluster.n_samples_, subcluster.squared_sum_ = n, squares
    subcluster.centroid_ = total / n
    subcluster.sq_norm_ = np.dot(subcluster.centroid_, subcluster.centroid_)
    return subcluster


def _plant(birch: Any, dtype: np.dtype[Any]) -> None:
    """Make an empty tree."""
    birch.root_, birch.dummy_leaf_ = (_node(birch, dtype, is_leaf=True) for _ in range(2))
    birch.dummy_leaf_.next_leaf_ = birch.root_
    birch.root_.prev_leaf_ = birch.dummy_leaf_


def _insert(birch: Any, subcluster: Any, dtype: np.dtype[Any]) -> None:
    """Insert a subcluster into the tree, which grows at the root, as scikit-learn inserts a row."""
    if birch.root_.insert_cf_subcluster(subcluster):
        halves = _split_node(birch.root_, birch.threshold, birch.branching_factor)
        birch.root_ = _node(birch, dtype, is_leaf=False)
        for half in halves:
            birch.root_.append_subcluster(half)


def _node(birch: Any, dtype: np.dtype[Any], *, is_leaf: bool) -> Any:
    return _CFNode(
        threshold=birch.threshold,
        branching_factor=birch.branching_factor,
        is_leaf=is_leaf,
        n_features=birch.n_features_in_,
        dtype=dtype,
    )
