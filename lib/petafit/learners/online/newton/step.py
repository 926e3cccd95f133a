"""Refinement after the online rounds: L-BFGS steps towards the minimal mean loss over all rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner, labels_of
from petafit.learners.online import losses
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.csr import as_rows
from petafit.learners.online.estimator import Memory
from petafit.learners.online.newton.derivatives import SHORTER
from petafit.learners.online.newton.lbfgs import (
    Point,
    block_of,
    curvature_of,
    direction,
    slope_along,
)
from petafit.store.arrays import StateDict

_ENOUGH = 1e-4
"""Least decrease of the objective, as a share of the slope's prediction (Armijo condition)."""

_NEVER_LEARNT = np.float32(1e-30)
"""Squared gradients of a coordinate with a weight that no online round has moved: negligible, but
enough for `ModelForm` to restore its weight.
"""


def check_refinable(learner: Learner[object]) -> OnlineLearner:
    """Return the learner, if it can be refined.

    Raises
    ------
    ConfigurationError
        It is not one of petafit's linear learners, or its loss or penalty is not smooth.
    """
    if not (isinstance(learner, OnlineLearner) and learner.estimator.linear == slice(None)):
        raise ConfigurationError(
            f"`training.newton` cannot refine {learner.name}",
            expected="an online linear learner of petafit's",
            hint="Set `training.newton: 0`, or `training.rounds` for more rounds.",
        )
    if learner.estimator.loss not in losses.SMOOTH:
        raise ConfigurationError(
            "`training.newton` needs a loss with a second derivative",
            expected=" or ".join(losses.SMOOTH),
            got=learner.estimator.loss,
            hint="Set `training.newton: 0`, or another loss.",
        )
    if learner.estimator.l1:
        raise ConfigurationError(
            "`training.newton` needs a penalty with a derivative, which l1 has not at 0",
            expected="learner.params.l1: 0",
            got=learner.estimator.l1,
            hint="Set `training.newton: 0`, or l2 instead of l1.",
        )
    return learner


def start_of(model: StateDict, points: Sequence[Point], *, block: bool) -> StateDict:
    """Return the part of a model that `FullBatch` starts from, with the last point's weights, if
    any.

    Parameters
    ----------
    block : bool
        Measure a block of the Hessian, too: before the first step, and again after a step that was
        too long, since the last block is then misleading.
    """
    start = StateDict({name: model.arrays[name] for name in ("weights", "seen")})
    if points:
        start = start | StateDict({"before": points[-1].weights})
    if block:
        start = start | StateDict({"block": block_of(model.arrays["squared_gradients"])})
    return start


@dataclass(frozen=True)
class Refined:
    """Result of one refinement pass over all rows.

    Attributes
    ----------
    model : StateDict
        The next model, which the next pass measures.
    objective : float
        Objective of the model that the pass measured.
    point : Point or None
        That model's weights and derivatives; None if its objective was not lower than before.
    """

    model: StateDict
    objective: float
    point: Point | None


def refined(
    learner: OnlineLearner, model: StateDict, sums: StateDict, points: Sequence[Point]
) -> Refined:
    """Take one step towards the minimum of ``F(w) = mean loss + l2 / 2 |w|**2``.

    w are the weights (n_features + 1, n_outputs); the intercept is not penalised. The mean is
    weighted by the rows' weights and those of their classes. l2 is the learner's, for FTRL divided
    by the sum of the weights, since there it belongs to the sum of losses. If F has decreased
    enough since the last point, the next step is by L-BFGS; otherwise the last step is shortened to
    the best of the lengths that the pass has measured.

    Parameters
    ----------
    model : StateDict
        The learner's model; if there are points, one step from the last of them.
    sums : StateDict
        From `petafit.learners.online.newton.derivatives.FullBatch`, at the model's weights.
    points : sequence of Point
        Earlier points, each with a lower F than all before it.
    """
    weight = float(sums.arrays["weight"][0])
    l2 = learner.estimator.l2 / (weight if learner.estimator.optimizer == "ftrl" else 1.0)
    values, weights = sums.arrays["losses"] / weight, model.arrays["weights"]
    objective = float(values[0]) + _penalty(weights, l2)
    if points:
        last = points[-1]
        move = np.subtract(weights, last.weights, dtype=np.float64)
        enough = last.value + _ENOUGH * slope_along(last, move)
        if not (objective <= enough and np.isfinite(sums.arrays["gradient"]).all()):
            nearer = [last.weights + share * move for share in SHORTER]
            found = [v + _penalty(w, l2) for v, w in zip(values[1:], nearer, strict=True)]
            best = int(np.nan_to_num(found, nan=np.inf).argmin())
            return Refined(_with_weights(learner, model, nearer[best]), objective, None)
    point = _point(model, sums, objective, l2, points)
    step = direction((*points, point))
    return Refined(_with_weights(learner, model, weights + step), objective, point)


def mean_loss(learner: OnlineLearner, model: StateDict, rows: Batch) -> float:
    """Return the learner's own loss on rows, weighted, without penalty."""
    weights, weight = model.arrays["weights"], learner.weigh(rows, model.arrays["seen"])
    margins = learner.estimator.margins(as_rows(rows.X), weights).reshape(-1, weights.shape[1])
    target = learner.target.encode(labels_of(rows, learner.name))
    values, _ = losses.of_rows(learner.estimator.loss, margins, target, learner.estimator.quantile)
    return float(weight @ values / weight.sum())


def _penalty(weights: np.ndarray, l2: float) -> float:
    return 0.5 * l2 * float(np.square(weights[:-1], dtype=np.float64).sum()) if l2 else 0.0


def _point(
    model: StateDict, sums: StateDict, objective: float, l2: float, points: Sequence[Point]
) -> Point:
    """Compute the objective's derivatives from the sums over rows."""
    weights = model.arrays["weights"]
    index, weight = sums.arrays.get("index", slice(None)), sums.arrays["weight"]
    gradient, bound = l2 * weights.astype(np.float64), np.full(weights.shape, l2)
    gradient[-1] = bound[-1] = 0.0
    gradient[index] += sums.arrays["gradient"] / weight
    bound[index] += sums.arrays["curvature"] / weight
    if sums.arrays["block"].size:
        curvature = curvature_of(sums, block_of(model.arrays["squared_gradients"]), bound, l2)
    else:
        before = points[-1].curvature
        assert before is not None
        curvature = replace(before, bound=bound.astype(np.float32))
    return Point(weights, gradient.astype(np.float32), objective, curvature)


def _with_weights(learner: OnlineLearner, model: StateDict, weights: np.ndarray) -> StateDict:
    squares, seen = model.arrays["squared_gradients"].copy(), model.arrays["seen"]
    squares[weights.any(axis=1) & ~squares.any(axis=1)] = _NEVER_LEARNT
    table = learner.optimizer.table(weights.astype(np.float32), squares)
    return learner.form.write(Memory(table, seen))
