"""MiniBatchKMeans: the shards' centres are collected and clustered again."""

import warnings
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from petafit.learners.sklearn.merging.rule import MergeRule
from petafit.learners.sklearn.merging.sample import joined, rows_and_weights, sample
from petafit.store.arrays import StateDict

_STARTS = 10
"""Number of initialisations of the k-means over the centres; the best wins."""

_KEPT_MODELS = 16
"""Number of shards whose centres are always kept."""


class Centres(MergeRule):
    """K-means over the centres of all shards, each weighted by its rows.

    If the shards started from the same centres, the rows these had counted are subtracted from each
    shard's counts and added once, and k-means is initialised with the old centres, too.
    """

    how = "approximate: weighted k-means over the shards' centres"
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
