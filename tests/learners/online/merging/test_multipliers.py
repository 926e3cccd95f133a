"""Multipliers, against scikit-learn and closed forms."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from petafit.learners.online import losses
from petafit.learners.online.merging.multipliers import fit_multipliers, fit_sizes


def loss_of(y: np.ndarray, loss: str = "log", weight: np.ndarray | None = None) -> object:
    weight = np.ones(len(y)) if weight is None else weight
    weight = weight / weight.sum()
    return lambda margins: losses.total(loss, margins, y, weight, 0.5)


def made(rows: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features of very different scales, and labels by a logistic model of them."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(rows, 1))
    features = (common + random.normal(size=(rows, 4))) * [1.0, 0.01, 30.0, 1.0]
    margins = features @ [0.5, 40.0, 0.01, -1.0]
    y = (random.random(rows) < 1 / (1 + np.exp(-margins))).astype(np.float64)
    return features[:, None].astype(np.float32), y


def test_they_are_those_of_a_penalised_logistic_regression() -> None:
    """Each multiplier has its penalty; features are scaled so that it becomes 1."""
    features, y = made()
    found = fit_multipliers(features, loss_of(y), np.zeros(4), np.ones(len(y))).multipliers
    moments = (features[:, 0].astype(np.float64) ** 2).mean(axis=0)
    scale = np.sqrt((1e-3 + 20 / len(y)) * moments + 0.01 / len(y))
    reference = LogisticRegression(C=1 / len(y), fit_intercept=False, tol=1e-9, max_iter=1000).fit(
        features[:, 0] / scale, y
    )
    np.testing.assert_allclose(found * scale, reference.coef_[0], rtol=2e-3)


def test_rows_count_by_their_weight_in_the_penalty_too() -> None:
    """Rows of next to no weight have features a thousand times as large."""
    features, y = made()
    weight = np.random.default_rng(1).exponential(size=len(y))
    weight[::2], features[::2] = 1e-9, 1e3 * features[::2]
    found = fit_multipliers(features, loss_of(y, weight=weight), np.zeros(4), weight).multipliers
    effective_rows = weight.sum() ** 2 / (weight**2).sum()
    moments = np.average(features[:, 0].astype(np.float64) ** 2, axis=0, weights=weight)
    scale = np.sqrt((1e-3 + 20 / effective_rows) * moments + 0.01 / effective_rows)
    reference = LogisticRegression(C=1, fit_intercept=False, tol=1e-9, max_iter=1000).fit(
        features[:, 0] / scale, y, sample_weight=weight / weight.sum()
    )
    np.testing.assert_allclose(found * scale, reference.coef_[0], rtol=2e-3)


def test_a_trace_of_a_feature_in_one_row_is_not_multiplied_by_thousands() -> None:
    features, y = made(300)
    features[1:, 0, 1], features[0, 0] = 0, [0, 1e-3, 0, 0]
    found = fit_multipliers(features, loss_of(y), np.zeros(4), np.ones(len(y))).multipliers
    assert 0 < abs(found[1]) < 1


def test_few_rows_leave_them_near_their_aim() -> None:
    features, y = made()
    aim = np.array([1.0, 100.0, 0.05, 0.0])
    many = fit_multipliers(features, loss_of(y), aim, np.ones(len(y)))
    few = fit_multipliers(features[:40], loss_of(y[:40]), aim, np.ones(40))
    scale = features[:, 0].std(axis=0)
    assert np.linalg.norm((few.multipliers - aim) * scale) < 1.5
    assert np.linalg.norm((many.multipliers - aim) * scale) > 1.5
    assert many.after < many.before


def test_a_feature_that_no_row_has_keeps_its_aim() -> None:
    features, y = made()
    features[..., 1] = 0
    found = fit_multipliers(features, loss_of(y), np.array([0.0, 7.0, 0.0, 0.0]), np.ones(len(y)))
    assert found.multipliers[1] == 7.0


@pytest.mark.parametrize("loss", ["log", "hinge", "squared", "quantile", "poisson"])
def test_every_loss_gets_smaller(loss: str) -> None:
    features, y = made(2000)
    if loss in ("squared", "quantile"):
        y = features[:, 0, 0] + np.random.default_rng(1).normal(size=len(y))
    fit = fit_multipliers(features, loss_of(y, loss), np.zeros(4), np.ones(len(y)))
    assert fit.after < fit.before


def test_softmax_margins_share_their_multipliers() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(20_000, 3, 2)).astype(np.float32)
    odds = np.exp(features @ np.array([2.0, -1.0]))
    chosen = random.random((20_000, 1)) < np.cumsum(odds / odds.sum(1, keepdims=True), axis=1)
    y = chosen.argmax(axis=1).astype(np.float64)
    found = fit_multipliers(features, loss_of(y), np.zeros(2), np.ones(len(y))).multipliers
    np.testing.assert_allclose(found, [2.0, -1.0], atol=0.12)


def test_sizes_are_those_of_least_squares_whatever_they_were() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(500, 1, 2)) * [1e3, 1e-2]
    y = features[:, 0] @ [0.02, 50.0] + random.normal(size=500)
    expected = np.linalg.lstsq(features[:, 0], y, rcond=None)[0]
    np.testing.assert_allclose(fit_sizes(features, loss_of(y, "squared")), expected, rtol=1e-3)


def test_multipliers_are_not_negative_and_1_by_default() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(500, 1, 2))
    features[:, :, 1] = 0
    y = 3 * features[:, 0, 0]
    np.testing.assert_allclose(fit_sizes(features, loss_of(y, "squared")), [3, 1], rtol=1e-4)
    assert fit_sizes(features, loss_of(-y, "squared")).tolist() == [1, 1]
