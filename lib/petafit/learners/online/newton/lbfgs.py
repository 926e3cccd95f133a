"""Limited-memory BFGS over points whose objective was measured by passes over all rows.

With weights w_i and gradients g_i of point i, flattened to (n_features + 1) * n_outputs numbers,
``s_i = w_i - w_(i-1)`` and ``y_i = g_i - g_(i-1)``, the direction at the newest point n is ``d = -H
g_n``. H starts as ``gamma B^-1`` and is updated by every pair (s_i, y_i), oldest first::

    H <- (I - s y' / s'y) H (I - y s' / s'y) + s s' / s'y

B is the measured curvature (`petafit.learners.online.newton.curvature`), and ``gamma = s_n'y_n /
y_n' B^-1 y_n`` scales it to the newest step. The two-loop recursion (Nocedal and Wright, Numerical
Optimization, 2nd edition, algorithm 7.4) computes H g without forming H::

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
from threadpoolctl import threadpool_limits

from petafit.learners.online.newton.curvature import Curvature
from petafit.store.arrays import StateDict

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
