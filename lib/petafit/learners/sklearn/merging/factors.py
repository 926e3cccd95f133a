"""Models with forgetting: topics, dictionaries and factors from statistics that decay at every
step.

A shard that starts from statistics S0 and takes n steps ends with ``r S0 + O``, where r is the
share of S0 that n steps retain, and O is the shard's contribution. The mean over the shards would
retain r of S0 for any number of shards, and learn no more than a single one. So S0 is weighted by
the share that all shards' steps in sequence would retain, and the mean of O is scaled to as many
steps.

In the first round the shards share initial components, but no statistics; the rule then gives plain
means.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.decomposition._lda import _dirichlet_expectation_2d

from petafit.learners.sklearn.merging.averages import LAST, Average, averaged, means
from petafit.learners.sklearn.merging.rule import Learnt
from petafit.store.arrays import StateDict


class DecayingStatistics(Average):
    """The rule above; a subclass defines the decaying statistics and their decay.

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

    how = "approximate: topics' expected counts averaged by rows, from the same first topics"
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

    how = "approximate: products of codes averaged by rows, from the same first atoms"
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

    how = "approximate: numerators and denominators averaged by rows, from the same first factors"
    forget = ("components_", "_components_numerator", "_components_denominator")
    statistics = ("_components_numerator", "_components_denominator")

    def kept(self, estimator: Any, *, first: int, steps: int, rows: float) -> float:
        return float(estimator._rho**steps)

    def settle(self, estimator: Any) -> None:
        above, below = estimator._components_numerator, estimator._components_denominator
        ratio = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
        estimator.components_ = ratio**estimator._gamma


_USED = 1e-6
"""Mean squared code above which scikit-learn considers an atom used."""
