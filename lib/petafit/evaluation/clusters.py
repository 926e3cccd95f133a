"""Metrics of a clusterer: its own loss, the sizes of its clusters, and their silhouette.

The silhouette of a row x in cluster C is ``(b - a) / max(a, b)``, with a the mean squared distance
from the other rows of C, and b that from the rows of the nearest other cluster. From the rows of a
cluster with weights w_i it follows from sums over the cluster (the form of Spark's
ClusteringEvaluator)::

    sum_i w_i |x - x_i|**2 / W = |x|**2 + S / W - 2 x Y / W

    W = sum_i w_i        S = sum_i w_i |x_i|**2        Y = sum_i w_i x_i, (n_features,)

One pass finds the sums, a second one the rows' silhouettes. Where the distance is that of
directions, rows have length 1: the squared distance is then twice the distance.

References
----------
Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis",
J. Comput. Appl. Math. 20 (1987).
"""

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from petafit.aggregate.aggregator import Aggregator, Composite
from petafit.errors import ContractError, EmptyInputError
from petafit.evaluation.evaluate import StartedModel
from petafit.evaluation.metrics import Figures
from petafit.learners.arrays import NOT_FINITE
from petafit.learners.mllib.clusters import ClusterModel, directions, square_norms, summed
from petafit.models.mllib import MllibModel
from petafit.store.arrays import StateDict

MOST_SUMS = 1 << 24
"""Limit of the sums of vectors kept for the silhouette: 128 MB."""


class EvaluateClusters(Composite[pa.RecordBatch, StateDict]):
    """The sums behind all metrics of the clusterer that it is started with, of checked rows.

    Parameters
    ----------
    n_clusters, n_features : int
    """

    def __init__(self, *, n_clusters: int, n_features: int) -> None:
        self.model = StartedModel("evaluate")
        self.sums = ClusterSums(n_clusters=n_clusters, n_features=n_features)
        super().__init__({"model": self.model, "sums": self.sums})

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        return {"model": self.model.start(model), "sums": self.sums.start()}

    def reduce(self, state: dict[str, Any], batch: pa.RecordBatch) -> dict[str, Any]:
        rows = ClusteredRows.of(state["model"], batch)
        return {"model": state["model"], "sums": self.sums.reduce(state["sums"], rows)}

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        return self.sums.finish(summary.part("sums"))


class ClusteredRows:
    """Encoded rows with their clusters.

    Attributes
    ----------
    X : csr_array, shape (n_rows, n_features)
        Of length 1 where only directions count.
    clusters : ndarray of intp, shape (n_rows,)
    losses, weight : ndarray of float64, shape (n_rows,)
    """

    def __init__(
        self, X: csr_array, clusters: np.ndarray, losses: np.ndarray, weight: np.ndarray
    ) -> None:
        self.X, self.clusters, self.losses, self.weight = X, clusters, losses, weight

    @classmethod
    def of(cls, model: MllibModel, batch: pa.RecordBatch) -> "ClusteredRows":
        """Return the rows of a batch.

        Raises
        ------
        ContractError
            A row has no finite loss.
        """
        assert isinstance(model.fitted, ClusterModel)
        X = summed(model.encoder(batch, labels=False).X)
        clusters, losses = model.fitted.assign(X)
        if not np.isfinite(losses).all():
            raise ContractError(
                f"A row cannot be measured: {NOT_FINITE}",
                hint="Set limits in `contract.columns`, or filter rows whose features are all 0.",
            )
        weight = model.encoder.weights(batch)
        own = np.ones(len(clusters)) if weight is None else weight
        return cls(directions(X) if model.fitted.cosine else X, clusters, losses, own)

    def by_cluster(self, n_clusters: int) -> csr_array:
        """Return the weight of each row in each cluster, (n_clusters, n_rows)."""
        rows = np.arange(len(self.clusters))
        return csr_array(
            (self.weight, (self.clusters, rows)), shape=(n_clusters, len(self.clusters))
        )


class ClusterSums(Aggregator[StateDict, ClusteredRows, StateDict]):
    """The weight of rows, their losses, and the sums of their vectors, by cluster.

    Where the vectors' sums would be too large, they are left out.

    Parameters
    ----------
    n_clusters, n_features : int
    """

    def __init__(self, *, n_clusters: int, n_features: int) -> None:
        self.n_clusters = n_clusters
        self.width = n_features if n_clusters * n_features <= MOST_SUMS else 0

    def start(self, model: StateDict | None = None) -> StateDict:
        sums = {name: np.zeros(self.n_clusters) for name in ("weight", "loss", "squares")}
        return StateDict({**sums, "vectors": np.zeros((self.n_clusters, self.width))})

    def reduce(self, state: StateDict, batch: ClusteredRows) -> StateDict:
        sums, weights = state.arrays, batch.by_cluster(self.n_clusters)
        sums["weight"][:] += weights.sum(axis=1)
        sums["loss"][:] += weights @ batch.losses
        if self.width:
            sums["squares"][:] += weights @ square_norms(batch.X)
            added = (weights @ batch.X).tocoo()
            sums["vectors"][added.coords] += added.data
        return state

    def lift(self, state: StateDict) -> StateDict:
        return state

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return _sum(left, right)

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        return summary

    def dump(self, state: StateDict) -> StateDict:
        return _own(state)

    def load(self, dumped: StateDict) -> StateDict:
        return _own(dumped)


class Silhouette(Composite[pa.RecordBatch, float | None]):
    """The mean silhouette of rows in the clusters of a model, which it is started with.

    `start` takes the model's content as ``model``, and the result of `EvaluateClusters` as
    ``sums``.
    """

    def __init__(self) -> None:
        self.model = StartedModel("evaluate")
        self.mean = MeanSilhouette()
        super().__init__({"model": self.model, "mean": self.mean})

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        own, sums = (None, None) if model is None else (model.part("model"), model.part("sums"))
        return {"model": self.model.start(own), "mean": self.mean.start(sums)}

    def reduce(self, state: dict[str, Any], batch: pa.RecordBatch) -> dict[str, Any]:
        rows = ClusteredRows.of(state["model"], batch)
        return {"model": state["model"], "mean": self.mean.reduce(state["mean"], rows)}

    def finish(self, summary: StateDict, model: StateDict | None = None) -> float | None:
        return self.mean.finish(summary.part("mean"))


class MeanSilhouette(Aggregator[StateDict, ClusteredRows, float | None]):
    """The mean silhouette of rows, whose sums by cluster it is started with."""

    def start(self, model: StateDict | None = None) -> StateDict:
        assert model is not None
        mean = {"silhouette": np.zeros(()), "of": np.zeros(())}
        return StateDict({**model.arrays, **mean})

    def reduce(self, state: StateDict, batch: ClusteredRows) -> StateDict:
        sums = state.arrays
        sums["silhouette"][...] += batch.weight @ silhouettes(batch, state)
        sums["of"][...] += batch.weight.sum()
        return state

    def lift(self, state: StateDict) -> StateDict:
        return StateDict({name: state.arrays[name] for name in ("silhouette", "of")})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return _sum(left, right)

    def finish(self, summary: StateDict, model: StateDict | None = None) -> float | None:
        weight = float(summary.arrays["of"])
        return float(summary.arrays["silhouette"]) / weight if weight else None

    def dump(self, state: StateDict) -> StateDict:
        return _own(state)

    def load(self, dumped: StateDict) -> StateDict:
        return _own(dumped)


def _sum(left: StateDict, right: StateDict) -> StateDict:
    return StateDict(
        {name: np.asarray(sums + right.arrays[name]) for name, sums in left.arrays.items()}
    )


def _own(stored: StateDict) -> StateDict:
    """Return arrays that may be added to."""
    return StateDict({name: array.copy() for name, array in stored.arrays.items()})


def silhouettes(rows: ClusteredRows, sums: StateDict) -> np.ndarray:
    """Return the silhouette of each row, (n_rows,); 0 where it is alone in its cluster.

    Parameters
    ----------
    sums : StateDict
        Of all rows, by `ClusterSums`.
    """
    filled = np.flatnonzero(sums.arrays["weight"])
    weight, squares = (sums.arrays[name][filled] for name in ("weight", "squares"))
    means = (sums.arrays["vectors"][filled] / weight[:, None]).T
    distances = square_norms(rows.X)[:, None] + squares / weight - 2 * (rows.X @ means)
    every, own = np.arange(len(rows.clusters)), np.searchsorted(filled, rows.clusters)
    others = weight[own] - rows.weight
    alone = others <= 0
    within = distances[every, own] * weight[own] / np.where(alone, 1, others)
    distances[every, own] = np.inf
    beyond = distances.min(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (beyond - within) / np.maximum(beyond, within)
    return np.where(alone | ~np.isfinite(found), 0.0, found)


def cluster_figures(sums: StateDict, loss: str, silhouette: float | None) -> Figures:
    """Return the metrics.

    Parameters
    ----------
    loss : str
        The name of the loss that the learner minimises.
    silhouette : float or None
        None: there is none, since all rows are in one cluster, or there are too many features.

    Raises
    ------
    EmptyInputError
        There are no rows, or none has weight.
    """
    weight = sums.arrays["weight"]
    if not weight.sum():
        raise EmptyInputError(
            "There are no rows to measure, or none has weight", hint="Check `split` and `weight`."
        )
    return {
        loss: float(sums.arrays["loss"].sum() / weight.sum()),
        "silhouette": silhouette,
        "clusters": int((weight > 0).sum()),
        "largest_share": float(weight.max() / weight.sum()),
    }
