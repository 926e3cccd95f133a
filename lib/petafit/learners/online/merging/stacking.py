"""Stacked merging: candidate directions, each scaled by what rows nobody learnt from say of it.

Every coordinate belongs to one of six buckets by its evidence, the squared gradients that all
shards together have seen. Each bucket has a multiplier for each candidate: shards that saw little
of a rare coordinate are to be believed otherwise than shards that all saw a common one often, and
how much so is a matter of the data.
"""

from dataclasses import dataclass, replace

import numpy as np

from petafit.compiled import njit
from petafit.learners.base import MergeFit
from petafit.learners.online.csr import SparseRows
from petafit.learners.online.merging.accumulate import Sums, blocks
from petafit.learners.online.merging.multipliers import Loss, fit_multipliers, fit_sizes
from petafit.learners.online.prefetch import prefetch

EDGES = (0.354, 2.83, 22.6, 181.0, 1448.0)
"""Between the buckets, in squared gradients: half a decade of their root apart."""

N_BUCKETS = len(EDGES) + 1

_AHEAD = np.uint64(64)
"""How many entries ahead to prefetch."""

_PRIOR = 3.0
_PRIOR_SHARE = 0.1


@dataclass(frozen=True)
class Candidates:
    """Directions in which merged weights may go.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n_features + 1, n_vectors, n_outputs)
        The weights all shards began with, then the directions.
    buckets : ndarray of uint8, shape (n_features + 1, n_outputs)
    aim : ndarray of shape (n_vectors,)
        The multipliers that make the plain rule of it.
    """

    vectors: np.ndarray
    buckets: np.ndarray
    aim: np.ndarray

    def contributions(self, rows: SparseRows) -> np.ndarray:
        """What each candidate adds to each margin in each bucket.

        Returns
        -------
        ndarray of float32, shape (n_rows, n_outputs, N_BUCKETS * n_vectors)
        """
        return _contributions(rows, self.vectors, self.buckets, N_BUCKETS)

    def fit(self, features: np.ndarray, loss: Loss, weight: np.ndarray) -> MergeFit:
        """Fit the multipliers, bucket by bucket as `contributions` has them, and further ones.

        Parameters
        ----------
        features : ndarray of shape (n_rows, n_outputs, n_multipliers)
            Those of `contributions`, then such as have one multiplier, aimed at 1.
        weight : ndarray of shape (n_rows,)
            Of the rows in the loss.
        """
        aim = np.ones(features.shape[2])
        aim[: N_BUCKETS * len(self.aim)] = np.tile(self.aim, N_BUCKETS)
        return fit_multipliers(features, loss, aim, weight)

    def scaled(self, features: np.ndarray, loss: Loss) -> tuple["Candidates", np.ndarray, float]:
        """Candidates of the size that suits the loss, in all buckets alike.

        Of a learner whose steps are far too long, or whose weights have any size, the aim lies
        where the loss says nothing of the multipliers' differences. The start gets one factor,
        the directions get another, neither below 0.

        Parameters
        ----------
        features : ndarray
            As `contributions` gives them.

        Returns
        -------
        Candidates
        ndarray
            Their contributions.
        float
            The larger of the factors, or 1 where all is 0.
        """
        whole = features.reshape(*features.shape[:2], N_BUCKETS, -1).sum(axis=2)
        both = np.stack([whole[..., 0], whole[..., 1:] @ self.aim[1:]], axis=-1)
        sizes = fit_sizes(both, loss)
        factors = np.repeat(sizes, [1, len(self.aim) - 1]).astype(np.float32)
        larger = replace(self, vectors=self.vectors * factors[:, None])
        largest = float(sizes[both.any(axis=(0, 1))].max(initial=0.0))
        return larger, features * np.tile(factors, N_BUCKETS), largest or 1.0

    def combined(self, multipliers: np.ndarray) -> np.ndarray:
        """The weights that multipliers give, (n_features + 1, n_outputs) float32."""
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
    """Those of shards that began with weights `start` and squared gradients `squares`.

    The latter may have one column for all outputs. Beside the start itself they are the move
    weighted by evidence with a prior that grows with what earlier rounds gathered,
    ``d = (sum G_k dw_k + L sum dw_k) / (sum G_k + L)`` with ``L = 3 + squares / 10``, and the mean
    over the shards that moved the coordinate.
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
    """The bucket of each coordinate, uint8."""
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
    """In one walk: numpy makes a dozen arrays of all coordinates on the way."""
    # 0 where all outputs share a column.
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
