"""Steps of a row with the loss `poisson`, compiled: implicit, with the rates' own information.

The squared slope of a count of thousands is in the millions. Under the rules of other losses one
such row would reduce all later steps to almost nothing, and its own step would overshoot by far. So
the slope is that after the step (`petafit.learners.online.losses.slope_after`), and a coordinate's
sum grows by the mean of the count and the rate, times x**2: the expected squared gradient if the
model were right. An x out of proportion to those before it is clipped, as with other losses.
"""

import numpy as np

from petafit.compiled import njit
from petafit.learners.online import losses
from petafit.learners.online.update_rules import (
    Rates,
    ftrl_step_of,
    ftrl_weight,
    leeway_in_row,
    rate_in_row,
    shrink,
    step_length,
    tempered,
)

_ZERO = np.float32(0)


@njit
def descend(
    indices: np.ndarray,
    data: np.ndarray,
    margin: float,
    count: float,
    weight: float,
    table: np.ndarray,
    t: float,
    rates: Rates,
) -> None:
    """Take a step of AdaGrad or plain SGD in row t, in place; `table` holds (w, G)."""
    rate, leeway, curve = rate_in_row(rates, t), leeway_in_row(t), _curve(margin, count, weight)
    reach = np.float64(step_length(table[-1, 1] + curve, rate, rates.adaptive))
    for k in range(len(data)):
        total = table[np.uint64(indices[k]), 1]
        x = tempered(data[k], total, curve, leeway)
        square = np.float64(x) * data[k]
        reach += step_length(total + curve * x * x, rate, rates.adaptive) * square
    slope = weight * losses.slope_after(margin, count, weight, reach)
    for k in range(len(data)):
        if data[k] != 0:
            numbers = table[np.uint64(indices[k])]
            x = tempered(data[k], numbers[1], curve, leeway)
            numbers[1] += curve * x * x
            step = step_length(numbers[1], rate, rates.adaptive)
            moved = np.float32(numbers[0] - step * slope * x)
            numbers[0] = shrink(moved, step, rates.l1, rates.l2)
    table[-1, 1] += curve
    table[-1, 0] -= step_length(table[-1, 1], rate, rates.adaptive) * slope


@njit
def follow(
    indices: np.ndarray,
    data: np.ndarray,
    weights: np.ndarray,
    margin: float,
    count: float,
    weight: float,
    table: np.ndarray,
    t: float,
    rates: Rates,
) -> None:
    """Take a step of FTRL-proximal in row t, in place, from these weights; `table` holds (z, n)."""
    rate, beta, l2 = rates.learning_rate, rates.beta, rates.l2
    leeway, curve = leeway_in_row(t), _curve(margin, count, weight)
    reach = np.float64(rate / (beta + np.sqrt(table[-1, 1] + curve)))
    for k in range(len(data)):
        total = table[np.uint64(indices[k]), 1]
        x = tempered(data[k], total, curve, leeway)
        square = np.float64(x) * data[k]
        reach += square / ((beta + np.sqrt(total + curve * x * x)) / rate + l2)
    slope = weight * losses.slope_after(margin, count, weight, reach)
    for k in range(len(data)):
        numbers = table[np.uint64(indices[k])]
        x = tempered(data[k], numbers[1], curve, leeway)
        numbers[0], numbers[1] = ftrl_step_of(
            numbers[0], numbers[1], weights[k], np.float32(slope * x), curve * x * x, rate
        )
    own = ftrl_weight(table[-1, 0], table[-1, 1], rate, beta, _ZERO, _ZERO)
    table[-1, 0], table[-1, 1] = ftrl_step_of(
        table[-1, 0], table[-1, 1], own, np.float32(slope), curve, rate
    )


@njit
def _curve(margin: float, count: float, weight: float) -> np.float32:
    """Estimate a row's second derivative by its margin, bounded and above 0."""
    rate = min(np.exp(min(margin, losses.LARGEST_LOG_RATE)), count + 1.0)
    return np.float32(max(min(0.5 * weight * (count + rate), 1e12), 1e-30))
