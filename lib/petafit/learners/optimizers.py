"""The optimizers of the online learners: which kernel moves the weights, and what it remembers."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_array, issparse

from petafit.learners import kernels
from petafit.learners.merging import Sums

UNWEIGHTED = np.empty(0)
"""The weights of rows that all weigh 1, as the kernels take them."""


class Rows(NamedTuple):
    """The buffers of a CSR matrix as the kernels take them: int64, int32, float32."""

    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray


def as_rows(X: Any) -> Rows:
    """The buffers of a matrix (n_rows, n_features); nothing is copied if the types are right."""
    matrix = X.tocsr() if issparse(X) else csr_array(np.asarray(X, np.float32))
    return Rows(
        matrix.indptr.astype(np.int64, copy=False),
        matrix.indices.astype(np.int32, copy=False),
        matrix.data.astype(np.float32, copy=False),
    )


class Optimizer(Protocol):
    """Keeps two float32 numbers for each coordinate, (n_features + 1, 2), the intercept last.

    Attributes
    ----------
    first : {"weights", "z"}
        What the first number is; the second is the sum of squared gradients.
    """

    first: ClassVar[str]

    def update(
        self, rows: Rows, target: np.ndarray, weight: np.ndarray, table: np.ndarray
    ) -> np.ndarray:
        """Learn from rows in place; each row's margin before its own update, (n_rows,)."""

    def weights(self, table: np.ndarray) -> np.ndarray:
        """The weights that a table stands for, (n_features + 1,) float32."""

    def table(
        self, weights: np.ndarray, squared_gradients: np.ndarray, sums: Sums, start: np.ndarray
    ) -> np.ndarray:
        """The table behind weights merged from `sums` of shards that began with table `start`."""


@dataclass(frozen=True)
class AdaGrad:
    """AdaGrad with proximal L1 and L2; see `petafit.learners.kernels.adagrad`."""

    first: ClassVar[str] = "weights"
    learning_rate: float
    l1: float
    l2: float

    def update(
        self, rows: Rows, target: np.ndarray, weight: np.ndarray, table: np.ndarray
    ) -> np.ndarray:
        rate, l1, l2 = map(np.float32, (self.learning_rate, self.l1, self.l2))
        return kernels.adagrad(*rows, target, weight, table, rate, l1, l2)

    def weights(self, table: np.ndarray) -> np.ndarray:
        return table[:, 0].copy()

    def table(
        self, weights: np.ndarray, squared_gradients: np.ndarray, sums: Sums, start: np.ndarray
    ) -> np.ndarray:
        return _side_by_side(weights, squared_gradients)


@dataclass(frozen=True)
class FTRL:
    """FTRL-proximal; see `petafit.learners.kernels.ftrl`."""

    first: ClassVar[str] = "z"
    learning_rate: float
    beta: float
    l1: float
    l2: float

    def update(
        self, rows: Rows, target: np.ndarray, weight: np.ndarray, table: np.ndarray
    ) -> np.ndarray:
        return kernels.ftrl(*rows, target, weight, table, *self._constants())

    def weights(self, table: np.ndarray) -> np.ndarray:
        return kernels.ftrl_weights(table, *self._constants())

    def table(
        self, weights: np.ndarray, squared_gradients: np.ndarray, sums: Sums, start: np.ndarray
    ) -> np.ndarray:
        """z solved from the weight, ``z = -w ((beta + sqrt(n)) / learning_rate + l2) - sgn(w) l1``.

        Adding up the shards' z and n instead would give about sqrt(K) times the mean weight over K
        like shards. A weight of 0 leaves z anywhere in [-l1, l1]: there, the shards' mean.
        """
        assert sums.z is not None
        l1, l2 = np.full(len(weights), self.l1), np.full(len(weights), self.l2)
        l1[-1] = l2[-1] = 0
        curvature = (self.beta + np.sqrt(squared_gradients)) / self.learning_rate + l2
        mean = np.where(sums.count > 0, sums.z / np.maximum(sums.count, 1), start[:, 0])
        solved = -weights * curvature - np.sign(weights) * l1
        z = np.where(weights == 0, np.clip(mean, -l1, l1), solved)
        return _side_by_side(np.where(sums.count <= 1, mean, z), squared_gradients)

    def _constants(self) -> tuple[np.float32, ...]:
        return tuple(map(np.float32, (self.learning_rate, self.beta, self.l1, self.l2)))


def _side_by_side(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.column_stack([first, second]).astype(np.float32)
