"""Refinement after the online rounds: L-BFGS steps towards the least mean loss over all rows."""

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
from petafit.learners.online.newton.curvature import block_of, curvature_of
from petafit.learners.online.newton.derivatives import SHORTER
from petafit.learners.online.newton.lbfgs import Point, direction, slope_along
from petafit.store.arrays import StateDict

_ENOUGH = 1e-4
"""The share of what the slope promised by which a step must lower the objective (Armijo)."""

_NEVER_LEARNT = np.float32(1e-30)
"""Squared gradients of a coordinate that has a weight although no online round met it: as good as
none, and enough for `ModelForm` to go on from its weight."""


def check_refinable(learner: Learner[object]) -> OnlineLearner:
    """The learner, if it can be refined.

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
    """What `FullBatch` needs of a model that is on the way from the last point, if there is one.

    Parameters
    ----------
    block : bool
        Measure a block of the second derivatives, too: before the first step, and again where a
        step went too far, so that the last block misleads.
    """
    start = StateDict({name: model.arrays[name] for name in ("weights", "seen")})
    if points:
        start = start | StateDict({"before": points[-1].weights})
    if block:
        start = start | StateDict({"block": block_of(model.arrays["squared_gradients"])})
    return start


@dataclass(frozen=True)
class Refined:
    """What one pass over all rows brought.

    Attributes
    ----------
    model : StateDict
        The next one; the next pass measures it.
    objective : float
        Of the model that the pass began with.
    point : Point or None
        That model's weights and derivatives; None where they were no better than at the last point.
    """

    model: StateDict
    objective: float
    point: Point | None


def refined(
    learner: OnlineLearner, model: StateDict, sums: StateDict, points: Sequence[Point]
) -> Refined:
    """A model after one step towards the least ``F(w) = mean loss + l2 / 2 |w|**2``.

    The mean is weighted by the rows' weights and those of their classes; the intercept is not
    penalised; l2 is the learner's, of FTRL divided by the rows' weight, since there it belongs to
    the sum of losses. The sums are those at the model's weights. Where F has fallen enough since
    the last point, L-BFGS goes on from there; else the step is shortened to what was best of the
    lengths that the pass has measured.

    Parameters
    ----------
    model : StateDict
        The learner's; where there are points, on the way from the last one.
    sums : StateDict
        As `petafit.learners.online.newton.derivatives.FullBatch` gives them.
    points : sequence of Point
        Where F has been measured before and was lower than at any earlier one.
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
    """The learner's own loss on rows, weighted, without penalty."""
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
    """The objective's derivatives, of the sums over rows."""
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
