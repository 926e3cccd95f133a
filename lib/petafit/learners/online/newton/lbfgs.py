"""Limited-memory BFGS over points whose objective was measured by passes over all rows.

With weights w_i and gradients g_i of point i, flattened to (n_features + 1) * n_outputs numbers,
``s_i = w_i - w_(i-1)`` and ``y_i = g_i - g_(i-1)``, the direction at the newest point n is ``d = -H
g_n``. H starts as ``gamma B^-1`` and is updated by every pair (s_i, y_i), oldest first::

    H <- (I - s y' / s'y) H (I - y s' / s'y) + s s' / s'y

B is the measured `Curvature`, and ``gamma = s_n'y_n / y_n' B^-1 y_n`` scales it to the newest step.
The two-loop recursion (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithm 7.4)
computes H g without forming H::

    for i = n..1:  a_i = s_i'g / s_i'y_i;  g <- g - a_i y_i
    r = gamma B^-1 g
    for i = 1..n:  r <- r + (a_i - y_i'r / s_i'y_i) s_i

Pairs without positive curvature, ``s'y <= 1e-10 |s| |y|``, are left out: they would make H
indefinite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from petafit.store.arrays import StateDict

_BLOCK = 512
"""Number of coordinates whose mixed second derivatives are measured. For rows of 39 entries that
takes about as long as the rest of the pass. On census, 512 brought the objective within 1e-5 of its
minimum after one step, 256 after six; the diagonal alone was 2e-4 above after 60.
"""

_RIDGE = 1e-6
"""Added to the block's diagonal, as a share of it: groups of one-hot features are collinear."""


@dataclass(frozen=True)
class Curvature:
    """An approximate Hessian of the objective, affordable in one pass over all rows.

    For an output o, with the objective's diagonal bound h (n_features + 1, n_outputs) and the
    measured block A (n_block, n_block) of `petafit.learners.online.newton.derivatives`, the
    approximation is::

        B_o = diag(h[:, o])              outside the block
        B_o = s_o (A + 1e-6 diag(A))     within the block

    A is the mean over outputs of the block's second derivatives of the mean loss, plus the penalty
    on its diagonal. The scale s_o corrects for an output's share of the curvature: with h's
    intercept relative to its mean over outputs, ``t_o = h[-1, o] / mean(h[-1])``, the trace T of A
    without the penalty and the penalty's trace P, ``s_o = (t_o T + P) / (T + P)``: outputs differ
    in the curvature of their loss, which the intercept measures, not in their penalty.

    Attributes
    ----------
    bound : ndarray of float32, shape (n_features + 1, n_outputs)
        The diagonal bound h of `petafit.learners.online.newton.derivatives.FullBatch`.
    index : ndarray of int32, shape (n_block,)
        The coordinates of the block, ascending.
    block : ndarray of float64, shape (n_block, n_block)
        A: the block's second derivatives, penalty included, averaged over outputs; upper triangle.
    shares : ndarray of float64, shape (n_outputs,)
        s_o: the block's scale for each output.
    """

    bound: np.ndarray
    index: np.ndarray
    block: np.ndarray
    shares: np.ndarray

    def solver(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function that computes ``B^-1 v`` for v of shape (n_features + 1, n_outputs)."""
        bound = self.bound.astype(np.float64)
        inverse = np.divide(1.0, bound, out=np.zeros_like(bound), where=bound > 0)
        scale = np.sqrt(np.maximum(np.diag(self.block), np.finfo(np.float32).tiny))
        normal = self.block / scale[:, None] / scale
        normal[np.diag_indices_from(normal)] += _RIDGE
        factor = cho_factor(normal)

        def solve(values: np.ndarray) -> np.ndarray:
            found = inverse * values
            own = values[self.index] / scale[:, None]
            found[self.index] = cho_solve(factor, own) / scale[:, None] / self.shares
            return found

        return solve


def block_of(evidence: np.ndarray) -> np.ndarray:
    """Choose the block: the coordinates of the largest squared gradients, ascending, int32."""
    total = evidence.sum(axis=1)
    total[-1] = np.inf  # the intercept occurs together with every feature
    chosen = np.argsort(-total, kind="stable")[:_BLOCK]
    return np.sort(chosen[total[chosen] > 0]).astype(np.int32)


def curvature_of(sums: StateDict, index: np.ndarray, bound: np.ndarray, l2: float) -> Curvature:
    """Build the approximation from the sums of a pass.

    Parameters
    ----------
    sums : StateDict
        From `petafit.learners.online.newton.derivatives.FullBatch`.
    index : ndarray
        From `block_of`.
    bound : ndarray of shape (n_features + 1, n_outputs)
        The diagonal bound h of mean loss and penalty.
    """
    outputs, block = bound.shape[1], sums.arrays["block"] / sums.arrays["weight"] / bound.shape[1]
    penalty = np.where(index == len(bound) - 1, 0.0, l2)
    # The intercept's bound measures an output's share of the total curvature.
    of_outputs = bound[-1] / bound[-1].mean() if bound[-1].any() else np.ones(outputs)
    diagonal = np.diag_indices_from(block)
    total = block[diagonal].sum()
    block[diagonal] += penalty
    shares = (of_outputs * total + penalty.sum()) / (total + penalty.sum() or 1.0)
    return Curvature(bound.astype(np.float32), index, block, np.maximum(shares, _RIDGE))


_MOST_POINTS = 11
_POINTS_BYTES = 1 << 30
_LEAST_POINTS = 4
_CURVED = 1e-10
"""Least curvature ``s'y`` of a pair, relative to ``|s| |y|``: below, rounding dominates."""


@dataclass(frozen=True)
class Point:
    """Weights, and the objective's value and derivatives there.

    Attributes
    ----------
    weights, gradient : ndarray of float32, shape (n_features + 1, n_outputs)
    value : float
    curvature : Curvature or None
        Needed at the newest point only.
    """

    weights: np.ndarray
    gradient: np.ndarray
    value: float
    curvature: Curvature | None

    def to_state_dict(self) -> StateDict:
        own = StateDict({"weights": self.weights, "gradient": self.gradient}, {"value": self.value})
        if self.curvature is None:
            return own
        return own | StateDict(vars(self.curvature)).prefixed("curvature")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        arrays, curvature = named.arrays, named.part("curvature").arrays
        return cls(
            arrays["weights"],
            arrays["gradient"],
            named.params["value"],
            Curvature(**curvature) if curvature else None,
        )


def with_newest(points: Sequence[Point], newest: Point) -> tuple[Point, ...]:
    """Append a point, keeping as many of the newest as fit in a gigabyte, 4 to 11."""
    bytes_each = newest.weights.nbytes + newest.gradient.nbytes
    count = min(max(_POINTS_BYTES // bytes_each, _LEAST_POINTS), _MOST_POINTS)
    older = [replace(point, curvature=None) for point in points[1 - count :]]
    return (*older, newest)


def direction(points: Sequence[Point]) -> np.ndarray:
    """Return the L-BFGS direction from the newest point, or ``-B^-1 g`` if that does not descend.

    Returns
    -------
    ndarray of float64, shape (n_features + 1, n_outputs)
    """
    newest = points[-1]
    assert newest.curvature is not None
    gradient = newest.gradient.astype(np.float64)
    with threadpool_limits(1):  # the order of sums must not depend on the machine's cores
        solve = newest.curvature.solver()
        found = -_times_inverse(points, gradient, solve)
        return found if _dot(found, gradient) < 0 else -solve(gradient)


def slope_along(point: Point, move: np.ndarray) -> float:
    """Return the objective's derivative along a step."""
    with threadpool_limits(1):
        return _dot(point.gradient.astype(np.float64), move)


def _times_inverse(
    points: Sequence[Point], gradient: np.ndarray, solve: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Multiply the gradient by the inverse Hessian's estimate, by the two-loop recursion."""
    result, scale = gradient, 1.0
    used: list[tuple[int, float, float]] = []
    for number in range(len(points) - 1, 0, -1):
        move, change = _pair(points, number)
        curved = _dot(move, change)
        if curved > _CURVED * np.sqrt(_dot(move, move) * _dot(change, change)):
            if not used:
                scale = curved / _dot(change, solve(change))
            share = _dot(move, result) / curved
            used.append((number, share, curved))
            result = result - share * change
    result = scale * solve(result)
    for number, share, curved in reversed(used):
        move, change = _pair(points, number)
        result += (share - _dot(change, result) / curved) * move
    return result


def _pair(points: Sequence[Point], number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return s and y: a point's differences in weights and gradient from the point before it."""
    old, new = points[number - 1], points[number]
    return (
        np.subtract(new.weights, old.weights, dtype=np.float64),
        np.subtract(new.gradient, old.gradient, dtype=np.float64),
    )


def _dot(left: np.ndarray, right: np.ndarray) -> float:
    return float(left.ravel() @ right.ravel())
