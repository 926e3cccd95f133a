"""Base of both factorization machines: factors, and how these are learnt and merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from petafit.learners.online import losses
from petafit.learners.online.csr import SparseRows
from petafit.learners.online.estimator import Memory, OnlineEstimator
from petafit.learners.online.factorization import kernels
from petafit.learners.online.merging.rules import ByColumn, Evidence, Knowledge, WeightRule
from petafit.learners.online.optimizers import FTRLProximal, Optimizer
from petafit.learners.online.targets import Target
from petafit.learners.online.update_rules import FTRL

CONSTRAINTS: Mapping[str, list[Any]] = {
    "n_factors": [Interval(Integral, 1, 4096, closed="both")],
    "init_scale": [Interval(Real, 0, None, closed="neither")],
    "factor_l2": [Interval(Real, 0, None, closed="left")],
}
"""Constraints of the parameters that a linear model does not have."""


@dataclass(frozen=True)
class _FactorFTRL(FTRLProximal):
    """FTRL-proximal with a separate penalty for factors.

    `table` gives factors a z that reproduces the values of `first_weights`: the proximal term
    ``beta / (2 learning_rate) |v|**2`` is centred there.
    """

    factor_l2: np.float32

    def penalties(self, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
        l1, l2 = super().penalties(n_outputs)
        l1[1:], l2[1:] = 0, self.factor_l2
        return l1, l2


class FactorizationMachine(OnlineEstimator):
    """Margins with a weight for every feature, and for every pair of features."""

    linear: ClassVar[slice] = slice(1)
    shares_squares: ClassVar[bool] = False
    reach: ClassVar[float] = 0.4
    blind_rate: ClassVar[float] = 0.05
    n_factors: int
    init_scale: float
    factor_l2: float

    def width(self, target: Target) -> int:
        return target.n_outputs + self.n_factors

    def first_weights(self, n_features: int, target: Target) -> np.ndarray:
        """Draw normal factors, equal for every shard since they depend on the seed alone."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        random = np.random.Generator(np.random.Philox(seed))
        factors = np.zeros((n_features + 1, self.n_factors), np.float32)
        random.standard_normal(out=factors[:-1], dtype=np.float32)
        factors *= np.float32(self.init_scale)
        return np.hstack([super().first_weights(n_features, target), factors])

    def rules(self) -> Optimizer:
        rules = super().rules()
        if isinstance(rules, FTRLProximal):
            return _FactorFTRL(rules.rates, np.float32(self.factor_l2))
        return rules

    def merge_rule(self, name: str) -> WeightRule:
        """Return a linear model's rule for the weights, and `Knowledge` for the factors.

        A product of factors grows with the square of what is added to them, so `Evidence` would
        oscillate over several rounds.
        """
        rule = super().merge_rule(name)
        return ByColumn(rule, Knowledge()) if isinstance(rule, Evidence) else rule

    def learn(
        self,
        rows: SparseRows,
        target: np.ndarray,
        weight: np.ndarray,
        memory: Memory,
        unit: float = 1.0,
    ) -> np.ndarray:
        rates = self.rules().rates.in_unit(unit)
        return kernels.learn(
            rows,
            target,
            weight,
            memory.table.numbers.reshape(-1, 2, memory.table.width),
            float(memory.seen.sum()),
            losses.CODES[self.loss],
            float(self.quantile),
            rates,
            np.float32(self.factor_l2 * (1.0 if rates.rule == FTRL else unit)),
        )

    def margins(self, rows: SparseRows, weights: np.ndarray) -> np.ndarray:
        return kernels.margins(rows, weights)

    def beyond_linear(self, rows: SparseRows, memory: Memory) -> np.ndarray:
        pairs = self.weights_of(memory)
        pairs[:, 0] = 0
        return kernels.margins(rows, pairs)

    def with_rest_scaled(self, weights: np.ndarray, factor: float) -> np.ndarray:
        scaled = weights.copy()
        scaled[:, 1:] *= np.sqrt(max(factor, 0.0))
        return scaled

    def weights_of(self, memory: Memory) -> np.ndarray:
        """Return w and v, the intercept last; v of coordinates that no row has moved is 0."""
        weights = super().weights_of(memory)
        weights[memory.table.squares[:, 0] == 0, 1:] = 0
        return weights

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.optimizer == "ftrl" and self.beta == 0 and self.factor_l2 == 0:
            raise ValueError(
                "With optimizer='ftrl' either beta or factor_l2 must be above 0: "
                "they hold the factors at their random start."
            )
