"""Decompositions of rows: principal components, topics, dictionaries and factors."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from scipy import linalg
from sklearn.decomposition._lda import _dirichlet_expectation_2d
from sklearn.utils.extmath import svd_flip

from petafit.learners.sklearn.merging.averages import LAST, Average, averaged, means
from petafit.learners.sklearn.merging.moments import SklearnMoments
from petafit.learners.sklearn.merging.rule import Learnt, MergeRule
from petafit.store.arrays import StateDict

_USED = 1e-6
"""Mean squared code above which scikit-learn considers an atom used."""


class Components(MergeRule):
    """Merges IncrementalPCA: shards' scatter matrices S add up, each as rows R with RᵀR = S.

    A shard's rows are its components times their singular values. Two stacks and the row
    ``sqrt(n1 n2 / (n1 + n2)) (mean1 - mean2)`` make the stack of both; a stack of more rows than
    columns is replaced by the triangular factor of its QR decomposition, which has the same
    scatter. So merging loses nothing; only the components that the shards truncated are missing.

    Parameters
    ----------
    exact : bool
        No shard truncates, since there are as many components as features. Otherwise only means and
        variances are exact, and the components where there are as many as the data's rank.
    """

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact

    forget = (
        "components_",
        "singular_values_",
        "mean_",
        "var_",
        "explained_variance_",
        "explained_variance_ratio_",
    )

    def parts(self, estimator: Any, note: Any) -> StateDict:
        stack = estimator.singular_values_[:, None] * estimator.components_
        moments = _moments(estimator).to_state_dict()
        return StateDict({"stack": stack}, {"n_components": int(estimator.n_components_)}) | moments

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        one, other = SklearnMoments.from_state_dict(left), SklearnMoments.from_state_dict(right)
        stack = np.vstack([left.arrays["stack"], right.arrays["stack"], _between(one, other)])
        if len(stack) > stack.shape[1]:
            stack = linalg.qr(stack, mode="r")[0][: stack.shape[1]]
        kept = max(left.params["n_components"], right.params["n_components"])
        return (
            StateDict({"stack": stack}, {"n_components": kept}) | one.merged(other).to_state_dict()
        )

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        moments, stack = SklearnMoments.from_state_dict(parts), parts.arrays["stack"]
        if start is not None:
            before = _moments(start)
            moments = moments.start_once(before, shards)
            stack = _start_once(stack, start, _between(moments, _times(before, shards - 1)), shards)
        _, singular, rows = linalg.svd(stack, full_matrices=False)
        rows = svd_flip(None, rows, u_based_decision=False)[1]
        n, kept = int(moments.weight), parts.params["n_components"]
        variances, total = singular**2 / (n - 1), np.sum(moments.variance) * n / (n - 1)
        estimator.n_samples_seen_ = moments.weight[()]
        estimator.mean_, estimator.var_ = moments.mean, moments.variance
        estimator.n_components_ = min(kept, len(rows))
        estimator.components_ = rows[:kept]
        estimator.singular_values_ = singular[:kept]
        estimator.explained_variance_ = variances[:kept]
        estimator.explained_variance_ratio_ = variances[:kept] / total
        others = min(n, rows.shape[1]) - kept
        rest = max(total - variances[:kept].sum(), 0.0)
        estimator.noise_variance_ = rest / others if others > 0 else 0.0


def _moments(pca: Any) -> SklearnMoments:
    return SklearnMoments(np.array(pca.n_samples_seen_, np.float64), pca.mean_, pca.var_)


def _times(moments: SklearnMoments, factor: int) -> SklearnMoments:
    return SklearnMoments(moments.weight * factor, moments.mean, moments.variance)


def _between(one: SklearnMoments, other: SklearnMoments) -> np.ndarray:
    """Return the row that accounts for the distance of two means in a stack."""
    scale = np.sqrt(one.weight * other.weight / (one.weight + other.weight))
    return np.atleast_2d(scale * (one.mean - other.mean))


def _start_once(stack: np.ndarray, start: Any, between: np.ndarray, shards: int) -> np.ndarray:
    """Correct a stack of shards that all began with `start`, so that it counts once."""
    before = start.singular_values_[:, None] * start.components_
    again = np.vstack([np.sqrt(shards - 1) * before, between])
    variances, rows = linalg.eigh(stack.T @ stack - again.T @ again)
    return np.sqrt(np.maximum(variances, 0))[::-1, None] * rows.T[::-1]


class DecayingStatistics(Average):
    """Models with forgetting, from statistics that decay at every step, which a subclass defines.

    A shard that starts from statistics S0 and takes n steps ends with ``r S0 + O``, where r is the
    share of S0 that n steps retain, and O is the shard's contribution. The mean over the shards
    would retain r of S0 for any number of shards, and learn no more than a single one. So S0 is
    weighted by the share that all shards' steps in sequence would retain, and the mean of O is
    scaled to as many steps.

    In the first round the shards share initial components, but no statistics; the rule then gives
    plain means.

    Attributes
    ----------
    statistics : tuple of str
        Attributes that decay.
    counter : str
        Attribute that counts steps.
    before_any : int
        Value of the counter before the first step.
    """

    statistics: ClassVar[tuple[str, ...]]
    counter: ClassVar[str] = "n_steps_"
    before_any: ClassVar[int] = 0

    @abstractmethod
    def kept(self, estimator: Any, *, first: int, steps: int, rows: float) -> float:
        """Return the share of the statistics that some steps retain.

        Parameters
        ----------
        first : int
            The counter before the first of these steps.
        rows : float
            Number of rows in a step.
        """

    @abstractmethod
    def settle(self, estimator: Any) -> None:
        """Update the attributes derived from the statistics."""

    def least(self, estimator: Any) -> float:
        """Return the lower bound of the statistics."""
        return 0.0

    def note(self, estimator: Any, start: Any | None, learnt: Learnt) -> Mapping[str, int]:
        first = self.before_any if start is None else vars(start)[self.counter]
        return {"rows": learnt.rows, "first": int(first)}

    def parts(self, estimator: Any, note: Any) -> StateDict:
        rows, first = note["rows"], note["first"]
        steps = int(vars(estimator)[self.counter]) - first
        kept = self.kept(estimator, first=first, steps=steps, rows=rows / steps)
        arrays = {name: vars(estimator)[name] for name in self.forget if name in vars(estimator)}
        counters = {"steps": steps, "kept": kept}
        return averaged({LAST: arrays}, {LAST: rows}, counters, {"steps": steps})

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        vars(estimator).update(means(parts))
        first = self.before_any if start is None else int(vars(start)[self.counter])
        vars(estimator)[self.counter] = first + round(parts.params["counters"]["steps"])
        if start is not None:
            self._add_own(estimator, parts, start, first)
        self.settle(estimator)

    def _add_own(self, estimator: Any, parts: StateDict, start: Any, first: int) -> None:
        steps, rows = parts.params["totals"]["steps"], parts.params["weights"][LAST]
        kept = parts.params["counters"]["kept"]
        kept_by_all = self.kept(estimator, first=first, steps=steps, rows=rows / steps)
        growth = (1 - kept_by_all) / (1 - kept)
        for name in self.statistics:
            before = vars(start)[name]
            own = growth * (parts.arrays[f"{LAST}/{name}"] - kept * before)
            merged = kept_by_all * before + np.maximum(own, self.least(estimator))
            vars(estimator)[name] = merged.astype(before.dtype)


class Topics(DecayingStatistics):
    """LatentDirichletAllocation: expected counts of words in topics, scaled in each step to all
    rows.
    """

    forget = ("components_", "exp_dirichlet_component_")
    statistics = ("components_",)
    counter = "n_batch_iter_"
    before_any = 1

    def kept(self, estimator: Any, *, first: int, steps: int, rows: float) -> float:
        times = estimator.learning_offset + np.arange(first, first + steps)
        return float(np.prod(1 - times**-estimator.learning_decay))

    def settle(self, estimator: Any) -> None:
        logs = _dirichlet_expectation_2d(estimator.components_)
        estimator.exp_dirichlet_component_ = np.exp(logs)

    def least(self, estimator: Any) -> float:
        return float(estimator.topic_word_prior_)


class Dictionary(DecayingStatistics):
    """MiniBatchDictionaryLearning: products of codes with codes (`_A`) and with rows (`_B`).

    The best-fitting atoms are then computed as in scikit-learn's own step, starting from the mean.
    """

    forget = ("components_", "_A", "_B")
    statistics = ("_A", "_B")

    def kept(self, estimator: Any, *, first: int, steps: int, rows: float) -> float:
        step = np.arange(first, first + steps)
        seen = np.where(step < rows - 1, (step + 1) * rows, rows**2 + step + 1 - rows)
        return float(np.prod((seen + 1 - rows) / (seen + 1)))

    def least(self, estimator: Any) -> float:
        return -np.inf

    def settle(self, estimator: Any) -> None:
        atoms, A, B = estimator.components_, estimator._A, estimator._B
        for k in np.flatnonzero(np.diag(A) > _USED):
            atoms[k] += (B[:, k] - A[k] @ atoms) / A[k, k]
            if estimator.positive_dict:
                np.maximum(atoms[k], 0, out=atoms[k])
            atoms[k] /= max(np.linalg.norm(atoms[k]), 1)


class Factors(DecayingStatistics):
    """MiniBatchNMF: numerators and denominators of its multiplicative updates."""

    forget = ("components_", "_components_numerator", "_components_denominator")
    statistics = ("_components_numerator", "_components_denominator")

    def kept(self, estimator: Any, *, first: int, steps: int, rows: float) -> float:
        return float(estimator._rho**steps)

    def settle(self, estimator: Any) -> None:
        above, below = estimator._components_numerator, estimator._components_denominator
        ratio = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
        estimator.components_ = ratio**estimator._gamma
