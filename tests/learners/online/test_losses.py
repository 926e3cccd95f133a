"""Losses against scikit-learn's own, and slopes against differences of values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn._loss import loss as sklearn_losses

from petafit.learners.online import losses
from tests.learners.references import slope_behind

MARGINS = np.linspace(-40, 40, 161)

PEERS = [
    ("log", sklearn_losses.HalfBinomialLoss(), [0.0, 1.0]),
    ("squared", sklearn_losses.HalfSquaredError(), [-3.1, 0.3]),
    ("quantile", sklearn_losses.PinballLoss(quantile=0.3), [-3.1, 0.3]),
    ("poisson", sklearn_losses.HalfPoissonLoss(), [0.0, 7.0]),
]


@pytest.mark.parametrize(("name", "peer", "targets"), PEERS, ids=lambda given: str(given)[:8])
def test_values_and_slopes_are_scikit_learns(name: str, peer: Any, targets: list[float]) -> None:
    code, margins = losses.CODES[name], MARGINS[MARGINS < 30]
    for target in targets:
        y = np.full(len(margins), target)
        values = [losses.value(code, m, target, 0.3) for m in margins]
        slopes = [losses.slope(code, m, target, 0.3) for m in margins]
        expected = peer.loss(y_true=y, raw_prediction=margins)
        np.testing.assert_allclose(np.diff(values), np.diff(expected), rtol=1e-9, atol=1e-12)
        found = peer.gradient(y_true=y, raw_prediction=margins)
        np.testing.assert_allclose(slopes, found, rtol=1e-9, atol=1e-12)


@given(st.floats(-5, 5), st.sampled_from([0.0, 1.0]))
def test_hinge_is_that_of_a_support_vector_machine(margin: float, target: float) -> None:
    sign = 1.0 if target else -1.0
    assert losses.value(losses.HINGE, margin, target, 0.5) == max(0.0, 1 - sign * margin)
    expected = -sign if sign * margin < 1 else 0.0
    assert losses.slope(losses.HINGE, margin, target, 0.5) == expected


@pytest.mark.parametrize("name", sorted(losses.CODES.keys() - {"squared"}))
def test_no_margin_gives_an_infinite_squared_slope(name: str) -> None:
    for margin in (-1e30, 1e30):
        slope = np.float32(losses.slope(losses.CODES[name], margin, 1.0, 0.5))
        assert np.isfinite(slope * slope)


def test_margins_become_predictions_of_the_loss() -> None:
    one, several = np.array([-2.0, 0.0, 800.0]), np.array([[1.0, 1.0, 1.0], [0.0, 900.0, 0.0]])
    np.testing.assert_allclose(losses.predictions("log", one), expit(one))
    np.testing.assert_allclose(losses.predictions("log", several), [[1 / 3] * 3, [0, 1, 0]])
    np.testing.assert_allclose(losses.predictions("poisson", one), [np.exp(-2), 1, np.exp(30)])
    for name in ("hinge", "squared", "quantile"):
        assert losses.predictions(name, one) is one


@given(st.floats(-40, 40), st.floats(0, 1e7), st.floats(0, 1e3), st.floats(1e-9, 10))
def test_the_slope_after_a_step_leads_to_itself_and_never_beyond_the_count(
    margin: float, count: float, weight: float, reach: float
) -> None:
    slope = losses.slope_after(margin, count, weight, reach)
    expected = slope_behind(margin, count, weight * reach)
    assert slope == pytest.approx(expected, rel=1e-5, abs=1e-6 * (1 + count))
    before = np.exp(min(margin, 30)) - count
    assert slope * before >= -1e-6 * (1 + count)
    assert abs(slope) <= abs(before) * (1 + 1e-6) + 1e-6
