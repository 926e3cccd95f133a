"""Clusterings of all shards: their centres or subclusters, in a bounded sample, clustered again."""

import hashlib
import warnings
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.cluster._birch import _CFNode, _CFSubcluster, _split_node
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from petafit.learners.sklearn.merging.rule import MergeRule
from petafit.learners.sklearn.serialization import decode, encode
from petafit.store.arrays import StateDict

_NUMBERS = 2**22
"""Upper limit of the numbers in a sample: 32 MB."""


def sample(rows: np.ndarray, weight: np.ndarray) -> StateDict:
    """Make a mergeable sample of all of some rows, of bounded size, for `joined`.

    Priority sampling of Duffield, Lund and Thorup (2007): a row of weight w gets priority w / u,
    u uniform in (0, 1]; the rows with the largest priorities stay, and count max(w, t) each, t
    being the largest priority that had to go. Sums over the sample are unbiased. Here u is a hash
    of the row itself, so that retries and any order of merging keep the same rows. Up to the limit,
    all rows are kept with their own weights.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_rows, n_columns)
    weight : ndarray of float64, shape (n_rows,)
    """
    priority = weight / np.array([_uniform(row) for row in rows])
    return _ordered(rows, weight, priority, threshold=0.0, limit=len(rows))


def joined(
    left: StateDict, right: StateDict, *, numbers: int = _NUMBERS, at_least: int = 0
) -> StateDict:
    """Join two samples, keeping so many numbers or at least `at_least` rows; other parameters
    stay.
    """
    both = {name: np.concatenate([a, right.arrays[name]]) for name, a in left.arrays.items()}
    limit = max(numbers // both["rows"].shape[1], at_least)
    threshold = max(left.params["threshold"], right.params["threshold"])
    return left | _ordered(**both, threshold=threshold, limit=limit)


def rows_and_weights(kept: StateDict) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a sample in a fixed order, and their adjusted weights."""
    return kept.arrays["rows"], np.maximum(kept.arrays["weight"], kept.params["threshold"])


def _ordered(
    rows: np.ndarray, weight: np.ndarray, priority: np.ndarray, *, threshold: float, limit: int
) -> StateDict:
    order = np.lexsort((weight, -priority))
    gone = priority[order[limit:]]
    order = order[:limit]
    return StateDict(
        {"rows": rows[order], "weight": weight[order], "priority": priority[order]},
        {"threshold": float(gone.max(initial=threshold))},
    )


def _uniform(row: np.ndarray) -> float:
    number = int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little")
    return (number + 1) / 2**64


_STARTS = 10
"""Number of initialisations of the k-means over the centres; the best wins."""

_KEPT_MODELS = 16
"""Number of shards whose centres are always kept."""


class Centres(MergeRule):
    """K-means over the centres of all shards, each weighted by its rows.

    If the shards started from the same centres, the rows these had counted are subtracted from each
    shard's counts and added once, and k-means is initialised with the old centres, too.
    """

    forget = ("cluster_centers_", "_counts", "labels_", "inertia_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        centres, counts = estimator.cluster_centers_, estimator._counts.astype(np.float64)
        rows = np.column_stack([np.arange(len(centres)), counts, centres])
        return sample(rows, counts) | StateDict(params={"dtype": centres.dtype.str})

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        n_clusters = 1 + int(left.arrays["rows"][:, 0].max())
        return joined(left, right, at_least=_KEPT_MODELS * n_clusters)

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        points, weights = _points(parts, start, estimator.reassignment_ratio)
        k_means = KMeans(
            estimator.n_clusters,
            init="k-means++" if start is None else start.cluster_centers_,
            n_init=_STARTS if start is None else 1,
            random_state=estimator.random_state,
        )
        with warnings.catch_warnings(), threadpool_limits(1):  # the order of sums must not vary
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer centres than clusters
            k_means.fit(points, sample_weight=weights)
        dtype = parts.params["dtype"]
        counts = np.bincount(k_means.labels_, weights, minlength=estimator.n_clusters)
        estimator.cluster_centers_ = k_means.cluster_centers_.astype(dtype)
        estimator._counts = counts.astype(dtype)


def _points(
    parts: StateDict, start: Any | None, reassignment_ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the shards' own centres with their weights, and those of the start."""
    rows, weights = rows_and_weights(parts)
    number, counts, centres = rows[:, 0].astype(np.intp), rows[:, 1], rows[:, 2:]
    if start is None:
        return centres, weights
    before, old = start._counts.astype(np.float64), start.cluster_centers_.astype(np.float64)
    # Below this count scikit-learn may have reassigned a centre to a random row.
    before = np.where(before < reassignment_ratio * counts.max(), 0.0, before)
    own = np.maximum(counts - before[number], 0.0)
    moved = counts[:, None] * centres - (before[:, None] * old)[number]
    own_means = np.where(own[:, None] > 0, moved / np.maximum(own, 1e-300)[:, None], centres)
    own_weights = own * np.divide(weights, counts, out=np.ones_like(counts), where=counts > 0)
    return np.vstack([old, own_means]), np.concatenate([before, own_weights])


_BEFORE = "subclusters_before_"
"""Attribute with the subclusters that a shard started from, and their original sums."""


class Subclusters(MergeRule):
    """Merges Birch.

    A subcluster is the number, the sum and the squared length of its rows. A shard that started
    from a model reports only its additions to each.
    """

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
