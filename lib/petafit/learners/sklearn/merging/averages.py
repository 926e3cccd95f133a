"""Estimators that learn by gradient steps: their results are averaged over the shards.

Weights of neural networks are comparable since all shards share an initialisation.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from petafit.learners.sklearn.merging.rule import Learnt, MergeRule
from petafit.store.arrays import StateDict

LAST = "last"
"""The group of arrays weighted by the total weight of the shard's rows."""


_NOTHING: Mapping[str, int] = MappingProxyType({})


class Average(MergeRule):
    """Averages arrays and counters over the shards, by their rows' weights; totals add up.

    Arrays come in groups, each with a weight of its own; counters weigh as the group `LAST`.
    """

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        ours, theirs = left.params["weights"], right.params["weights"]
        arrays = {}
        for name, array in left.arrays.items():
            group = name.split("/")[0]
            arrays[name] = _mean(array, right.arrays[name], ours[group], theirs[group])
        counters = {
            name: _mean(count, right.params["counters"][name], ours[LAST], theirs[LAST])
            for name, count in left.params["counters"].items()
        }
        return left | StateDict(
            arrays,
            {
                "counters": counters,
                "weights": _sum(ours, theirs),
                "totals": _sum(left.params["totals"], right.params["totals"]),
            },
        )


def averaged(
    groups: Mapping[str, Mapping[str, np.ndarray]],
    weights: Mapping[str, float],
    counters: Mapping[str, float] = _NOTHING,
    totals: Mapping[str, int] = _NOTHING,
) -> StateDict:
    """Return one shard's parts of an `Average`."""
    arrays = {f"{group}/{name}": a for group, named in groups.items() for name, a in named.items()}
    return StateDict(
        {name: np.asarray(array, np.float64) for name, array in arrays.items()},
        {
            "weights": {**weights},
            "counters": {**counters},
            "totals": {**totals},
            "dtypes": {name: array.dtype.str for name, array in arrays.items()},
        },
    )


def means(parts: StateDict, group: str = LAST) -> dict[str, np.ndarray]:
    """Return the merged arrays of a group, in their original types."""
    dtypes = parts.params["dtypes"]
    return {
        name: array.astype(dtypes[f"{group}/{name}"])
        for name, array in parts.part(group).arrays.items()
    }


class LinearSteps(Average):
    """scikit-learn's linear models by SGD, if they are not stacked: see `LinearSums`.

    Nested ones are not stacked, since each would need a label of its own for the merge holdout; nor
    is SGDOneClassSVM, which has no label, and whose average is better than a single learner (by 3.4
    in its objective, 20 shards of digits).

    With ``average``, `partial_fit` continues from `_standard_coef` and `_average_coef`, so these
    are averaged and `coef_` is derived; shards that have not started averaging do not contribute to
    the latter. The step counter `t_` is averaged too, so that the next round's steps are as long as
    a single shard's would be.
    """

    forget = (
        "coef_",
        "intercept_",
        "offset_",
        "_standard_coef",
        "_standard_intercept",
        "_average_coef",
        "_average_intercept",
    )

    def note(self, estimator: Any, start: Any | None, learnt: Learnt) -> float:
        """Note the weight of the rows learnt from; a nested estimator sees fewer than its shard
        has.
        """
        return learnt.weight_of(estimator.t_ - (start.t_ if start is not None else 1))

    def parts(self, estimator: Any, note: Any) -> StateDict:
        held = {name: vars(estimator)[name] for name in self.forget if name in vars(estimator)}
        mean = {name: held.pop(name) for name in [*held] if name.startswith("_average")}
        averaging = bool(mean) and estimator.average <= estimator.t_ - 1
        return averaged(
            {LAST: held, "mean": mean},
            {LAST: note, "mean": note if averaging else 0},
            {"t_": estimator.t_},
        )

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        vars(estimator).update(means(parts) | means(parts, "mean"))
        estimator.t_ = parts.params["counters"]["t_"]
        if hasattr(estimator, "_average_coef"):
            _choose(estimator, "average" if parts.params["weights"]["mean"] else "standard")


def _choose(estimator: Any, which: str) -> None:
    """Set the fitted attributes to the averaged or the last weights, as scikit-learn does."""
    held = vars(estimator)
    held["coef_"] = held[f"_{which}_coef"]
    intercept = held[f"_{which}_intercept"]
    if "offset_" in held:
        held["offset_"] = 1 - intercept
    else:
        held["intercept_"] = intercept


def _sum(left: Mapping[str, float], right: Mapping[str, float]) -> dict[str, float]:
    return {name: number + right[name] for name, number in left.items()}


def _mean(left: Any, right: Any, ours: float, theirs: float) -> Any:
    """Return the weighted mean; exactly the other side if one has no weight."""
    if not theirs:
        return left
    return (ours * left + theirs * right) / (ours + theirs) if ours else right


_STEPS = ("ms", "vs", "velocities")
"""The optimizers' state from earlier gradients."""


class Perceptrons(Average):
    """MLPClassifier and MLPRegressor; the optimizer's state is averaged, too.

    The initial weights depend on the seed alone. The first shard's random state is kept.
    """

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

    forget = ("components_", "intercept_hidden_", "intercept_visible_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        arrays = {name: vars(estimator)[name] for name in self.forget}
        return averaged({LAST: arrays}, {LAST: note})

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        vars(estimator).update(means(parts))


def _remembered(estimator: Any) -> list[str]:
    return [name for name in _STEPS if hasattr(estimator._optimizer, name)]
