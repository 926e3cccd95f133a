"""The online optimizers, written down in float64 from their papers, a row at a time."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

Slopes = Callable[[np.ndarray, float], np.ndarray]
"""The derivatives of a row's loss by its margins (n_outputs,), given the target."""


def learn(
    X: np.ndarray,
    y: np.ndarray,
    slopes: Slopes,
    *,
    optimizer: str,
    n_outputs: int = 1,
    rate: float = 0.1,
    power_t: float = 0.25,
    beta: float = 1.0,
    l1: float = 0.0,
    l2: float = 0.0,
    weight: np.ndarray | None = None,
    counts: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Margins before each row's update (n_rows, n_outputs), and the weights after the last.

    The weights are (n_features + 1, n_outputs), the intercept last. All outputs share a feature's
    sum, over the rows, of the outputs' mean squared gradient. In row t that counts for 100 times 1
    and the mean of the rows before it, and a hundredth of their sum, at most.

    Of counts the slope is that behind the step; the mean of count and rate stands for its square,
    and it is x**2 that is bounded so.
    """
    X = np.column_stack([X, np.ones(len(X))]).astype(np.float64)
    l1s, l2s = np.full((X.shape[1], 1), float(l1)), np.full((X.shape[1], 1), float(l2))
    l1s[-1] = l2s[-1] = 0
    w = np.zeros((X.shape[1], n_outputs))
    squares, z = np.zeros_like(l1s), np.zeros_like(w)
    before, t = [], 0
    for x, target, own in zip(X, y, np.ones(len(X)) if weight is None else weight, strict=True):
        before.append(x @ w)
        if own == 0:
            continue
        t += 1
        if counts:
            margin = float(before[-1][0])
            curve = 0.5 * own * (target + min(np.exp(min(margin, 30.0)), target + 1))
            bound = np.sqrt(np.minimum(100 + (100 / t + 0.01) * squares[:, 0] / curve, 1e12))
            near = np.append(np.clip(x[:-1], -bound[:-1], bound[:-1]), 1.0)
            gained = (curve * near**2)[:, None]
            if optimizer == "ftrl":
                lengths = 1 / ((beta + np.sqrt(squares + gained)) / rate + l2s)
            else:
                lengths = rate / (
                    np.sqrt(1 + squares + gained) if optimizer == "adagrad" else t**power_t
                )
            reach = float((near * x * np.broadcast_to(lengths, gained.shape)[:, 0]).sum())
            gradient = np.outer(near, own * slope_behind(margin, target, own * reach))
        else:
            gradient = np.outer(x, own * slopes(before[-1], target))
            gained = (gradient**2).mean(axis=1, keepdims=True)
            limit = np.minimum(100 + (100 / t + 0.01) * squares, 1e24)
            gradient *= np.sqrt(limit / np.maximum(gained, limit))
            gained = np.minimum(gained, limit)
        if optimizer == "ftrl":
            sigma = (np.sqrt(squares + gained) - np.sqrt(squares)) / rate
            z += gradient - sigma * w
            squares += gained
            w = -(z - np.sign(z) * l1s) / ((beta + np.sqrt(squares)) / rate + l2s)
            w[abs(z) <= l1s] = 0
        else:
            squares += gained
            step = rate / (np.sqrt(1 + squares) if optimizer == "adagrad" else t**power_t)
            moved = w - step * gradient
            moved = np.sign(moved) * np.maximum(0, abs(moved) - step * l1s) / (1 + step * l2s)
            w = np.where(x[:, None] != 0, moved, w)
    return np.array(before), w


def slope_behind(margin: float, count: float, reach: float) -> float:
    """The s for which ``s = exp(margin - reach s) - count``."""
    margin = min(margin, 30.0)

    def excess(u: float) -> float:
        return u - margin + reach * (np.exp(u) - count)

    # It lies between the margin and the count's logarithm.
    lowest = min(margin, margin + reach * (count - np.exp(margin)))
    highest = max(margin, np.log(count)) if count else margin
    return float(np.exp(brentq(excess, lowest - 1, highest + 1, xtol=1e-13)) - count)
