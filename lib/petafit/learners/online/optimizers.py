"""Optimizers of the online learners: their state of a coordinate, and its weights."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from petafit.compiled import njit
from petafit.learners.online.merging.rules import Merge
from petafit.learners.online.update_rules import ADAGRAD, FTRL, SGD, Rates, ftrl_weight
from petafit.learners.online.weight_table import CoordinateTable, squares_of_each


@dataclass(frozen=True)
class Optimizer(ABC):
    """Converts between weights and the numbers that kernels update.

    Attributes
    ----------
    first : {"weights", "z"}
        Meaning of a table's first numbers.
    rates : Rates
        The optimizer's parameters, for kernels.
    """

    first: ClassVar[str]
    rates: Rates

    @abstractmethod
    def weights(self, table: CoordinateTable) -> np.ndarray:
        """Return the weights that a table represents, (n_features + 1, width) float32.

        They may be a view of the table.
        """

    @abstractmethod
    def first_of(self, weights: np.ndarray, squared_gradients: np.ndarray) -> np.ndarray:
        """Return the first numbers that represent these weights, of the same shape."""

    def table(self, weights: np.ndarray, squared_gradients: np.ndarray) -> CoordinateTable:
        """Make a table that represents these weights."""
        return CoordinateTable.of(self.first_of(weights, squared_gradients), squared_gradients)

    def merged_table(
        self, merge: Merge, weights: np.ndarray, squared_gradients: np.ndarray, *, own: bool = True
    ) -> CoordinateTable:
        """Make the table of merged weights.

        Parameters
        ----------
        own : bool
            A coordinate moved by a single shard keeps that shard's weight.
        """
        return self.table(weights, squared_gradients)


@dataclass(frozen=True)
class Descent(Optimizer):
    """AdaGrad and plain SGD: the first number is the weight itself."""

    first: ClassVar[str] = "weights"

    def weights(self, table: CoordinateTable) -> np.ndarray:
        return table.first

    def first_of(self, weights: np.ndarray, squared_gradients: np.ndarray) -> np.ndarray:
        return weights


@dataclass(frozen=True)
class FTRLProximal(Optimizer):
    """FTRL-proximal: weights are derived from z and n by `update_rules.ftrl_weight`."""

    first: ClassVar[str] = "z"

    def weights(self, table: CoordinateTable) -> np.ndarray:
        n = squares_of_each(table.squares, table.width)
        return _ftrl_weights(table.first, n, self.rates, *self.penalties(table.width))

    def penalties(self, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Return l1 and l2 of each output's weights, (n_outputs,) float32; intercepts have none."""
        return np.full(n_outputs, self.rates.l1), np.full(n_outputs, self.rates.l2)

    def first_of(self, weights: np.ndarray, squared_gradients: np.ndarray) -> np.ndarray:
        """Solve for z: ``z = -w ((beta + sqrt(n)) / rate + l2) - sgn(w) l1``."""
        rate, beta = self.rates.learning_rate, self.rates.beta
        l1, l2 = self.penalties(weights.shape[1])
        penalised = (np.arange(len(weights)) < len(weights) - 1)[:, None]
        n = squares_of_each(squared_gradients, weights.shape[1])
        curvature = (beta + np.sqrt(n)) / rate + l2 * penalised
        return np.asarray(-weights * curvature - np.sign(weights) * l1 * penalised)

    def merged_table(
        self, merge: Merge, weights: np.ndarray, squared_gradients: np.ndarray, *, own: bool = True
    ) -> CoordinateTable:
        """Make the table of merged weights.

        Adding up the shards' z and n instead would give about sqrt(K) times the mean weight over K
        similar shards. A weight of 0 allows any z in [-l1, l1]: the shards' mean is used. A
        coordinate moved by a single shard keeps its exact z.
        """
        sums, before = merge.sums, merge.table.first
        assert sums.z is not None
        table = self.table(weights, squared_gradients)
        moved = np.where(sums.count > 0, sums.z / np.maximum(sums.count, 1), sums.at(before))
        mean = sums.put(moved, into=before)
        few = sums.put(sums.count, into=np.zeros(merge.table.squares.shape)) <= 1
        limit = np.tile(self.penalties(weights.shape[1])[0], (len(weights), 1))
        limit[-1] = 0
        empty = np.where(weights == 0, np.clip(mean, -limit, limit), table.first)
        table.first[:] = np.where(few & own, mean, empty)
        return table


def make_optimizer(
    name: str,
    *,
    learning_rate: float,
    power_t: float,
    beta: float,
    l1: float,
    l2: float,
) -> Optimizer:
    """Make the optimizer ``adagrad``, ``sgd`` or ``ftrl``."""
    code = {"adagrad": ADAGRAD, "ftrl": FTRL, "sgd": SGD}[name]
    rates = Rates(
        rule=code,
        adaptive=np.float32(code != SGD),
        learning_rate=np.float32(learning_rate),
        beta=np.float32(beta),
        l1=np.float32(l1),
        l2=np.float32(l2),
        power_t=float(power_t) if code == SGD else 0.0,
    )
    return FTRLProximal(rates) if code == FTRL else Descent(rates)


@njit
def _ftrl_weights(
    z: np.ndarray, n: np.ndarray, rates: Rates, l1: np.ndarray, l2: np.ndarray
) -> np.ndarray:
    weights, apart = np.empty(z.shape, np.float32), n.shape[1] > 1
    rate, beta = rates.learning_rate, rates.beta
    for j in range(len(z)):
        if j == len(z) - 1:
            l1, l2 = np.zeros_like(l1), np.zeros_like(l2)
        for k in range(z.shape[1]):
            weights[j, k] = ftrl_weight(z[j, k], n[j, k * apart], rate, beta, l1[k], l2[k])
    return weights
