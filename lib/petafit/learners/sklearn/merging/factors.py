"""Models that forget: topics, dictionaries and factors from statistics that decay with every step.

A shard that begins with statistics S0 and takes n steps ends with ``r S0 + O``, where r is what the
steps keep of S0, and O is the shard's own. The mean over the shards would keep r of S0 however many
shards there are, and learn no more than one of them could. So what all their steps, one after the
other, would keep of S0 is put beside the mean of O, scaled as if it had grown for so long.

In a first round the shards share the components they begin with, and no statistics; plain means
are what the rule then gives.
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
    """The rule above; a subclass says what decays, and how fast.

    Attributes
    ----------
    statistics : tuple of str
        Attributes that decay.
    counter : str
        The attribute that counts steps.
    before_any : int
        Its value before the first one.
    """

    statistics: ClassVar[tuple[str, ...]]
    counter: ClassVar[str] = "n_steps_"
    before_any: ClassVar[int] = 0

    @abstractmethod
    def kept(self, estimator: Any, *, first: int, steps: int, rows: float) -> float:
        """The share of the statistics that some steps keep.

        Parameters
        ----------
        first : int
            The counter before the first of them.
        rows : float
            Rows of a step.
        """

    @abstractmethod
    def settle(self, estimator: Any) -> None:
        """Set what follows from the statistics."""

    def least(self, estimator: Any) -> float:
        """What no statistic can be below."""
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
    """LatentDirichletAllocation: expected counts of words in topics, each step's of all rows."""

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

    The atoms that fit them best are found as in a step of scikit-learn's own, from their mean.
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
"""The mean squared code above which scikit-learn takes an atom as used."""
