"""Neural networks: averaged weights, comparable since all shards share an initialisation."""

from typing import Any

from petafit.learners.sklearn.merging.averages import LAST, Average, averaged, means
from petafit.learners.sklearn.merging.rule import Learnt
from petafit.store.arrays import StateDict

_STEPS = ("ms", "vs", "velocities")
"""The optimizers' state from earlier gradients."""


class Perceptrons(Average):
    """MLPClassifier and MLPRegressor; the optimizer's state is averaged, too.

    The initial weights depend on the seed alone. The first shard's random state is kept.
    """

    how = "approximate: weights and optimizer averaged by rows, from the same first weights"
    forget = ("coefs_", "intercepts_")

    def strip(self, estimator: Any) -> None:
        super().strip(estimator)
        for name in _remembered(estimator):
            setattr(estimator._optimizer, name, [])

    def note(self, estimator: Any, start: Any | None, learnt: Learnt) -> float:
        return learnt.weight_of(int(estimator.t_ - (start.t_ if start is not None else 0)))

    def parts(self, estimator: Any, note: Any) -> StateDict:
        lists = {name: vars(estimator)[name] for name in self.forget}
        lists |= {name: vars(estimator._optimizer)[name] for name in _remembered(estimator)}
        arrays = {f"{name}/{i}": a for name, held in lists.items() for i, a in enumerate(held)}
        steps = getattr(estimator._optimizer, "t", 0)
        return averaged({LAST: arrays}, {LAST: note}, {"t_": estimator.t_, "steps": steps})

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        arrays, optimizer = means(parts), estimator._optimizer
        for name in (*self.forget, *_remembered(estimator)):
            owner = estimator if name in self.forget else optimizer
            count = sum(key.startswith(f"{name}/") for key in arrays)
            setattr(owner, name, [arrays[f"{name}/{i}"] for i in range(count)])
        estimator.t_ = round(parts.params["counters"]["t_"])
        if hasattr(optimizer, "t"):
            optimizer.t = round(parts.params["counters"]["steps"])


class BoltzmannMachine(Average):
    """BernoulliRBM; the first shard's chain of samples and random state are kept."""

    how = "approximate: weights averaged by rows, from the same first weights"
    forget = ("components_", "intercept_hidden_", "intercept_visible_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        arrays = {name: vars(estimator)[name] for name in self.forget}
        return averaged({LAST: arrays}, {LAST: note})

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        vars(estimator).update(means(parts))


def _remembered(estimator: Any) -> list[str]:
    return [name for name in _STEPS if hasattr(estimator._optimizer, name)]
