"""Stacked merging: candidate directions, scaled by multipliers fitted to the merge holdout.

The model merged from K shards has the weights, for coordinate j (a feature, or the intercept with
x = 1) and output o::

    w[j, o] = sum_v m[b[j, o], v] u[j, v, o]

with, all per j and o unless stated otherwise:

- w0, G0: the weights and squared gradients from which all shards began, (n_features + 1, n_outputs)
- w_k, G_k: shard k's weights, and the squared gradients that it added (its evidence); sums over k
  run over the c shards that moved the coordinate
- u, (n_features + 1, 3, n_outputs): the candidates, which are the start and two directions::

      u[0] = w0
      u[1] = sum_k (G_k + L) (w_k - w0) / (sum_k G_k + L)     with L = 3 + G0 / 10
      u[2] = sum_k (w_k - w0) / c                             0 where c = 0

- b, in 0..5: the bucket of the evidence ``G0 + sum_k G_k``, which counts the `EDGES` below it
- m, (6, 3): the multipliers, shared by all outputs

Derivation. ``w0 + u[1]`` is the mean of the product of the shards' Gaussian posteriors
N(w_k, 1 / (G_k + L)) over c - 1 copies of their prior N(w0, 1 / L); see
`petafit.learners.online.merging.rules.Evidence`. It adds up the shards' moves where they saw little
(G_k << L), and averages them where they saw much. ``w0 + u[2]`` is the mean over the shards that
moved the coordinate. Neither is right at every evidence: the moves of shards that saw a rare
coordinate a few times nearly add up, those of shards that all saw a common one often nearly repeat
each other, and how much so depends on the data. Hence a multiplier for each candidate and bucket.

Margins are linear in w, and so in m. Output o of a row x has the margin::

    sum_b sum_v F[o, b, v] m[b, v]     with F[o, b, v] = sum of x_j u[j, v, o] over b[j, o] = b

so m is the solution of a regression with 18 features on the merge holdout, rows that no shard has
learnt from: ``argmin_m mean loss(F m) + ridge towards (1, 1, 0)`` in every bucket, the plain
evidence rule (`petafit.learners.online.merging.multipliers.fit_multipliers`). On rows that shards
have learnt from, rare buckets would get multipliers fitted to memorised labels. A model with a
non-linear part of its margins gets one further multiplier for that part, aimed at 1.
"""

from dataclasses import dataclass, replace

import numpy as np

from petafit.compiled import njit
from petafit.learners.base import MergeFit
from petafit.learners.online.csr import SparseRows
from petafit.learners.online.merging.multipliers import Loss, fit_multipliers, fit_sizes
from petafit.learners.online.merging.summaries import Sums, blocks
from petafit.learners.online.weight_table import prefetch

EDGES = (0.354, 2.83, 22.6, 181.0, 1448.0)
"""Bounds between the buckets, in squared gradients: their roots are half a decade apart."""

N_BUCKETS = len(EDGES) + 1

_AHEAD = np.uint64(64)
"""Prefetch distance in entries."""

_PRIOR = 3.0
_PRIOR_SHARE = 0.1


@dataclass(frozen=True)
class Candidates:
    """The candidates u, their buckets b and the aim of the multipliers m.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n_features + 1, n_vectors, n_outputs)
        The weights from which all shards began, then the directions.
    buckets : ndarray of uint8, shape (n_features + 1, n_outputs)
    aim : ndarray of shape (n_vectors,)
        The multipliers of the plain evidence rule, towards which the ridge pulls.
    """

    vectors: np.ndarray
    buckets: np.ndarray
    aim: np.ndarray

    def contributions(self, rows: SparseRows) -> np.ndarray:
        """Compute F: each candidate's contribution to each margin, by bucket.

        Returns
        -------
        ndarray of float32, shape (n_rows, n_outputs, N_BUCKETS * n_vectors)
        """
        return _contributions(rows, self.vectors, self.buckets, N_BUCKETS)

    def fit(self, features: np.ndarray, loss: Loss, weight: np.ndarray) -> MergeFit:
        """Fit the multipliers by bucket, in the order of `contributions`, and those of further
        features.

        Parameters
        ----------
        features : ndarray of shape (n_rows, n_outputs, n_multipliers)
            Those of `contributions`, then further ones, each with a multiplier aimed at 1.
        weight : ndarray of shape (n_rows,)
            The rows' weights in the loss.
        """
        aim = np.ones(features.shape[2])
        aim[: N_BUCKETS * len(self.aim)] = np.tile(self.aim, N_BUCKETS)
        return fit_multipliers(features, loss, aim, weight)

    def scaled(self, features: np.ndarray, loss: Loss) -> tuple["Candidates", np.ndarray, float]:
        """Rescale the candidates to fit the loss, with factors common to all buckets.

        For a learner whose steps are far too long, or whose weights have an arbitrary scale, the
        loss is flat around the aim and does not determine the multipliers. So the start is
        multiplied by one factor, and the directions by another, both fitted, and at least 0.

        Parameters
        ----------
        features : ndarray
            From `contributions`.

        Returns
        -------
        Candidates
        ndarray
            Their contributions.
        float
            The larger of the factors, or 1 if both are 0.
        """
        whole = features.reshape(*features.shape[:2], N_BUCKETS, -1).sum(axis=2)
        both = np.stack([whole[..., 0], whole[..., 1:] @ self.aim[1:]], axis=-1)
        sizes = fit_sizes(both, loss)
        factors = np.repeat(sizes, [1, len(self.aim) - 1]).astype(np.float32)
        larger = replace(self, vectors=self.vectors * factors[:, None])
        largest = float(sizes[both.any(axis=(0, 1))].max(initial=0.0))
        return larger, features * np.tile(factors, N_BUCKETS), largest or 1.0

    def combined(self, multipliers: np.ndarray) -> np.ndarray:
        """Compute the weights w for some multipliers, (n_features + 1, n_outputs) float32."""
        of_bucket = multipliers[: N_BUCKETS * len(self.aim)].reshape(N_BUCKETS, -1)
        combined = np.empty(self.buckets.shape, np.float32)
        for part in blocks(*self.buckets.shape):
            buckets, vectors = self.buckets[part], self.vectors[part]
            total = np.zeros(buckets.shape)
            for number in range(len(self.aim)):
                total += of_bucket[buckets, number] * vectors[:, number]
            combined[part] = total
        return combined


def candidates_of(sums: Sums, start: np.ndarray, squares: np.ndarray) -> Candidates:
    """Compute the candidates of shards that began with weights `start` and squared gradients
    `squares`.

    `start` is w0, (n_features + 1, n_outputs), and `squares` is G0, which may have one column for
    all outputs.
    """
    vectors = np.zeros((len(start), 3, start.shape[1]), np.float32)
    vectors[:, 0] = start
    _fill_directions(
        vectors,
        np.arange(len(start), dtype=np.int32) if sums.index is None else sums.index,
        sums.count,
        sums.evidence,
        sums.weights,
        sums.evidence_weights,
        start,
        squares,
    )
    gathered = sums.put(sums.at(squares).astype(np.float64) + sums.evidence, into=squares)
    return Candidates(
        vectors=vectors,
        buckets=np.array(np.broadcast_to(buckets_of(gathered), start.shape)),
        aim=np.array([1.0, 1.0, 0.0]),
    )


def buckets_of(evidence: np.ndarray) -> np.ndarray:
    """Return the bucket of each coordinate, uint8."""
    bucket = np.zeros(evidence.shape, np.uint8)
    for edge in EDGES:  # a binary search takes four times as long
        bucket += evidence > edge
    return bucket


@njit
def _fill_directions(
    vectors: np.ndarray,
    places: np.ndarray,
    count: np.ndarray,
    evidence: np.ndarray,
    weights: np.ndarray,
    evidence_weights: np.ndarray,
    start: np.ndarray,
    squares: np.ndarray,
) -> None:
    """Fill in the two directions in a single loop: numpy would make a dozen temporaries."""
    # 0 if all outputs share a column.
    apart, squares_apart = np.uint64(evidence.shape[1] > 1), np.uint64(squares.shape[1] > 1)
    for k in range(np.uint64(len(places))):
        place = np.uint64(places[k])
        for c in range(np.uint64(weights.shape[1])):
            own = c * apart
            n, gained, begun = count[k, own], evidence[k, own], np.float64(start[place, c])
            move = weights[k, c] - n * begun
            prior = _PRIOR + _PRIOR_SHARE * np.float64(squares[place, c * squares_apart])
            weighted = evidence_weights[k, c] - gained * begun + prior * move
            vectors[place, 1, c] = weighted / (gained + prior)
            vectors[place, 2, c] = move / max(n, 1)


@njit
def _contributions(
    rows: SparseRows, vectors: np.ndarray, buckets: np.ndarray, n_buckets: int
) -> np.ndarray:
    indptr, indices, data = rows
    n_rows, n_vectors, n_outputs = len(indptr) - 1, vectors.shape[1], vectors.shape[2]
    final = np.uint64(len(indices) - 1)
    result = np.zeros((n_rows, n_outputs, n_buckets * n_vectors), np.float32)
    vectors_used, outputs = np.uint64(n_vectors), np.uint64(n_outputs)
    for row in range(np.uint64(n_rows)):
        for c in range(outputs):
            first = np.uint64(buckets[-1, c]) * vectors_used
            for v in range(vectors_used):
                result[row, c, first + v] = vectors[-1, v, c]
        for k in range(np.uint64(indptr[row]), np.uint64(indptr[row + 1])):
            later = indices[min(k + _AHEAD, final)]
            prefetch(vectors, later, 0)
            prefetch(buckets, later, 0)
            j, x = np.uint64(indices[k]), data[k]
            for c in range(outputs):
                first = np.uint64(buckets[j, c]) * vectors_used
                for v in range(vectors_used):
                    result[row, c, first + v] += x * vectors[j, v, c]
    return result
