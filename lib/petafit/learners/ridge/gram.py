"""Column means and centred sums of products: the sufficient statistics of linear least squares.

Shards merge exactly, by the pairwise update of Chan, Golub and LeVeque (1979). Uncentred sums of
products would lose every digit of a variance that is small relative to its mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array, issparse

from petafit.store.arrays import StateDict

_DENSE_NUMBERS = 2**22
"""32 MB."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """The weight, the means and the centred products of at least one row.

    A mean is stored as an offset from a nearby origin: a mean of 1e8 itself would be rounded to
    1e-8, which is visible in the distances between shards' means.

    Attributes
    ----------
    rows : int
    weight : ndarray of float64, shape ()
    origin : ndarray of float64, shape (n_columns,)
    offset : ndarray of float64, shape (n_columns,)
        The mean minus `origin`.
    products : ndarray of float64, shape (n_columns, n_columns)
        Sums of ``weight * (column_i - mean_i) * (column_j - mean_j)``.
    """

    rows: int
    weight: np.ndarray
    origin: np.ndarray
    offset: np.ndarray
    products: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return self.origin + self.offset

    def merged(self, other: Self) -> Self:
        """Merge two scatters, by eq. 2.1 of Chan, Golub and LeVeque for products.

        With the weights n1, n2, the means a1, a2 and their difference d = a2 - a1 (n_columns,), and
        the products S1, S2 (n_columns, n_columns), the merged mean is ``a1 + d n2 / (n1 + n2)``,
        the merged products are ``S1 + S2 + d d' n1 n2 / (n1 + n2)``.
        """
        weight = self.weight + other.weight
        share = other.weight / weight
        distance = self._distance(other)
        products = np.outer(distance, distance * (self.weight * share))
        products += self.products
        products += other.products
        offset = self.offset + distance * share
        return type(self)(self.rows + other.rows, weight, self.origin, offset, products)

    def without(self, other: Self) -> Self:
        """Return the scatter that, merged with `other`, gives this one; it must have rows left."""
        weight = self.weight - other.weight
        ratio = other.weight / weight
        distance = -self._distance(other)
        products = np.outer(distance, distance * (-self.weight * ratio))
        products += self.products
        products -= other.products
        offset = self.offset + distance * ratio
        return type(self)(self.rows - other.rows, weight, self.origin, offset, products)

    def recentred(self) -> Self:
        """Move the origin to the mean, which does not depend on the shards, up to rounding."""
        mean = self.mean
        return replace(self, origin=mean, offset=(self.origin - mean) + self.offset)

    def to_state_dict(self) -> StateDict:
        arrays = {n: getattr(self, n) for n in ("weight", "origin", "offset", "products")}
        return StateDict(arrays, {"rows": self.rows})

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        return cls(named.params["rows"], **named.arrays)

    def _distance(self, other: Self) -> np.ndarray:
        """Return the other mean minus this one."""
        return (other.origin - self.origin) + (other.offset - self.offset)


def scatter_of(
    X: Any, y: np.ndarray, weight: np.ndarray | None, *, dense_numbers: int = _DENSE_NUMBERS
) -> Scatter:
    """Compute the scatter of X's columns, with y as one more column, the last.

    Parameters
    ----------
    X : csr_array or ndarray, shape (n_rows, n_features)
        Values that a row holds at the same index add up.
    y : ndarray of float64, shape (n_rows,)
    weight : ndarray of float64, shape (n_rows,), or None
        Above 0; None: every row weighs 1.
    dense_numbers : int
        Numbers of sparse rows that are converted to dense at a time.
    """
    given = np.ones(len(y)) if weight is None else np.asarray(weight, np.float64)
    return reduce(Scatter.merged, _chunks(X, y, given, dense_numbers))


def _chunks(X: Any, y: np.ndarray, weight: np.ndarray, dense_numbers: int) -> Iterator[Scatter]:
    filled, sparse = _split(X, weight)
    step = max(dense_numbers // (1 + filled.sum()), 1)
    for begin in range(0, len(y), step):
        chunk = slice(begin, begin + step)
        columns = X[chunk][:, filled]
        dense = columns.toarray() if issparse(columns) else columns
        dense = np.column_stack([dense, y[chunk]]).astype(np.float64, copy=False)
        yield _of_chunk(dense, sparse[chunk], np.append(filled, True), weight[chunk])


def _split(X: Any, weight: np.ndarray) -> tuple[np.ndarray, csr_array]:
    """Separate the columns that are mostly filled from the others.

    The mean square of a column that is 0 in at least half of its rows is at most twice its
    variance: uncentred sums of its products lose at most one bit, so the column can stay sparse.
    """
    if not issparse(X):
        return np.ones(X.shape[1], bool), csr_array((len(X), 0))
    entries = csr_array((np.ones(X.nnz), X.indices, X.indptr), shape=X.shape)
    filled = entries.T @ weight > weight.sum() / 2
    return filled, csr_array(X[:, ~filled], dtype=np.float64)


def _of_chunk(
    dense: np.ndarray, sparse: csr_array, filled: np.ndarray, weight: np.ndarray
) -> Scatter:
    """Compute the scatter of rows, whose columns `filled` are converted to dense.

    The dense columns are centred at their computed mean, which has a rounding error; the sums of
    the centred values correct it.
    """
    total, root = weight.sum(), np.sqrt(weight)
    origin, offset = np.zeros(len(filled)), np.empty(len(filled))
    origin[filled] = weight @ dense / total
    centred = (dense - origin[filled]) * root[:, None]
    offset[filled] = root @ centred / total
    offset[~filled] = sparse.T @ weight / total
    scaled = csr_array(sparse.multiply(root[:, None]))
    cross = scaled.T @ centred
    products = np.empty((len(filled), len(filled)))
    products[np.ix_(filled, filled)] = centred.T @ centred
    products[np.ix_(~filled, filled)] = cross
    products[np.ix_(filled, ~filled)] = cross.T
    products[np.ix_(~filled, ~filled)] = (scaled.T @ scaled).toarray()
    products -= np.outer(offset, offset * total)
    return Scatter(len(weight), total, origin, offset, products)
