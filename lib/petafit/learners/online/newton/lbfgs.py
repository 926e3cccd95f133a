"""Limited-memory BFGS over points that passes over all rows have measured."""

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
"""Least curvature along a move, as a share of the lengths, for which it counts: rounding aside."""


@dataclass(frozen=True)
class Point:
    """Weights, and an objective there.

    Attributes
    ----------
    weights, gradient : ndarray of float32, shape (n_features + 1, n_outputs)
    value : float
    curvature : Curvature or None
        Only the newest point needs it.
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
    """The points to remember: as many of the newest as a gigabyte holds, 4 to 11."""
    bytes_each = newest.weights.nbytes + newest.gradient.nbytes
    count = min(max(_POINTS_BYTES // bytes_each, _LEAST_POINTS), _MOST_POINTS)
    older = [replace(point, curvature=None) for point in points[1 - count :]]
    return (*older, newest)


def direction(points: Sequence[Point]) -> np.ndarray:
    """Where to go from the newest point, by what the earlier ones say of the curvature.

    The two-loop recursion (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithm 7.4).
    It begins with the inverse of what the passes themselves have measured of the curvature, scaled
    by the newest move.

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
    """The objective's derivative along a move."""
    with threadpool_limits(1):
        return _dot(point.gradient.astype(np.float64), move)


def _times_inverse(
    points: Sequence[Point], gradient: np.ndarray, solve: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The inverse Hessian's estimate times the gradient."""
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
    """The move to a point from the one before it, and the change of the gradient."""
    old, new = points[number - 1], points[number]
    return (
        np.subtract(new.weights, old.weights, dtype=np.float64),
        np.subtract(new.gradient, old.gradient, dtype=np.float64),
    )


def _dot(left: np.ndarray, right: np.ndarray) -> float:
    return float(left.ravel() @ right.ravel())
