"""The linear estimators as scikit-learn has them, and near the optimum of their losses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, PoissonRegressor, QuantileRegressor, Ridge
from sklearn.metrics import log_loss, mean_pinball_loss, mean_poisson_deviance
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor

OPTIMIZERS = ("adagrad", "ftrl", "sgd")

ONE_STEP_IS_NOT_TWO = {
    name: "a row of weight 2 takes one long step, not two steps"
    for name in (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    )
}


@parametrize_with_checks(
    [
        OnlineLinearClassifier(),
        OnlineLinearClassifier(optimizer="ftrl"),
        OnlineLinearClassifier("hinge", class_weight="balanced"),
        OnlineLinearRegressor(),
        OnlineLinearRegressor("quantile", optimizer="sgd", learning_rate=0.01),
        OnlineLinearRegressor("poisson", optimizer="ftrl"),
    ],
    expected_failed_checks=lambda estimator: ONE_STEP_IS_NOT_TWO,
)
def test_keeps_to_scikit_learns_interface(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def classes(n_classes: int, n_rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Sparse rows; classes overlap, so that there is a best model."""
    random = np.random.default_rng(n_classes)
    X = random.normal(size=(n_rows, 5)) * (random.random((n_rows, 5)) < 0.6)
    scores = X @ random.normal(size=(5, n_classes)) + random.gumbel(size=(n_rows, n_classes))
    return X.astype(np.float32), scores.argmax(axis=1)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_many_passes_come_near_the_least_log_loss(optimizer: str, n_classes: int) -> None:
    X, y = classes(n_classes)
    best = LogisticRegression(C=np.inf).fit(X, y)
    fitted = OnlineLinearClassifier(optimizer=optimizer, max_iter=100, random_state=0).fit(X, y)
    loss, least = (log_loss(y, model.predict_proba(X)) for model in (fitted, best))
    assert loss < least + 0.01
    assert fitted.coef_.shape == best.coef_.shape
    assert fitted.intercept_.shape == best.intercept_.shape


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", ["log", "hinge"])
def test_digits_are_classified(optimizer: str, loss: str) -> None:
    X, y = load_digits(return_X_y=True)
    X, train, test = X / 16, slice(0, 1400), slice(1400, None)
    fitted = OnlineLinearClassifier(loss, optimizer=optimizer, learning_rate=0.2, random_state=0)
    score = fitted.fit(X[train], y[train]).score(X[test], y[test])
    assert score > LinearSVC().fit(X[train], y[train]).score(X[test], y[test]) - 0.02


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def regressor(loss: str, optimizer: str, **params: Any) -> OnlineLinearRegressor:
    rate = 0.05 if optimizer == "sgd" else 0.1
    return OnlineLinearRegressor(
        loss, optimizer=optimizer, learning_rate=rate, max_iter=50, random_state=0, **params
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_labels_may_be_far_from_zero_and_in_any_unit(optimizer: str) -> None:
    X, y = diabetes()
    best = Ridge(alpha=1e-6).fit(X, y)
    least = np.mean((best.predict(X) - y) ** 2)
    for unit in (1e-6, 1.0, 1e6):
        label = (y + 1000) * unit
        fitted = regressor("squared", optimizer).fit(X, label)
        assert np.mean((fitted.predict(X) - label) ** 2) < 1.02 * least * unit**2
        by_hand = X @ fitted.coef_ + fitted.intercept_
        np.testing.assert_allclose(fitted.predict(X), by_hand, rtol=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("quantile", [0.1, 0.8])
def test_quantiles_are_near_the_best(optimizer: str, quantile: float) -> None:
    X, y = diabetes()
    fitted = regressor("quantile", optimizer, quantile=quantile).fit(X, y)
    best = QuantileRegressor(quantile=quantile, alpha=0).fit(X, y)
    loss, least = (mean_pinball_loss(y, m.predict(X), alpha=quantile) for m in (fitted, best))
    assert loss < 1.02 * least
    assert abs(np.mean(y < fitted.predict(X)) - quantile) < 0.03


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
@pytest.mark.parametrize("known", [True, False], ids=["counts known", "counts as they come"])
def test_a_class_of_one_in_ten_thousand_is_learnt_in_one_pass(optimizer: str, known: bool) -> None:
    """By the weighted log-loss, not far from the best of all passes, and no constant."""
    first, second = (_rare(seed) for seed in (0, 1))
    X, y = first
    params = {"class_weight": "balanced", "optimizer": optimizer, "random_state": 0}
    fitted = OnlineLinearClassifier(**params, max_iter=1)
    if known:
        fitted.fit(X, y)
    else:
        fitted.partial_fit(X, y, classes=[0, 1])
    best = LogisticRegression(class_weight="balanced", max_iter=300).fit(X, y)
    rest, truth = second
    weight = compute_sample_weight("balanced", truth)
    loss, least = (
        log_loss(truth, m.predict_proba(rest), sample_weight=weight) for m in (fitted, best)
    )
    assert loss < least + 0.03
    assert loss < np.log(2) - 0.05


def _rare(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(400_000, 4)).astype(np.float32)
    margins = X @ np.array([0.7, -0.5, 0.3, 0.1], np.float32) - 9.3
    return X, (random.random(len(X)) < 1 / (1 + np.exp(-margins))).astype(int)


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
@pytest.mark.parametrize(("spread", "start"), [(3.0, 0.0), (3.0, 2.0), (2.0, -2.0)])
def test_steep_rates_are_learnt_in_one_pass(optimizer: str, spread: float, start: float) -> None:
    """Means from a hundredth to a million: one row must not take all steps from the others."""
    random = np.random.default_rng(0)
    X = random.normal(size=(20_000, 4)).astype(np.float32)
    y = random.poisson(np.exp(spread * (X @ [0.8, -0.5, 0.3, 0.1]) + start)).astype(float)
    fitted = OnlineLinearRegressor("poisson", optimizer=optimizer, max_iter=1, random_state=0)
    best = PoissonRegressor(alpha=0, max_iter=1000).fit(X[:15_000], y[:15_000])
    fitted.fit(X[:15_000], y[:15_000])
    rest, truth = X[15_000:], y[15_000:]
    loss, least = (mean_poisson_deviance(truth, m.predict(rest)) for m in (fitted, best))
    assert loss < 1.3 * least


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("mean", [0.05, 3.0, 200.0])
def test_poisson_rates_are_near_the_best(optimizer: str, mean: float) -> None:
    X, _ = diabetes()
    y = np.random.default_rng(0).poisson(mean * np.exp(0.3 * X[:, 2] + 0.2 * X[:, 3]))
    fitted = regressor("poisson", optimizer).fit(X, y)
    best = PoissonRegressor(alpha=0, max_iter=1000).fit(X, y)
    loss, least = (mean_poisson_deviance(y, m.predict(X)) for m in (fitted, best))
    assert loss < 1.04 * least
    by_hand = np.exp(X @ fitted.coef_ + fitted.intercept_)
    np.testing.assert_allclose(fitted.predict(X), by_hand, rtol=1e-5)


@pytest.mark.parametrize(("optimizer", "l1", "most"), [("adagrad", 0.3, 20), ("ftrl", 80.0, 10)])
def test_l1_empties_useless_weights(optimizer: str, l1: float, most: int) -> None:
    X = np.random.default_rng(0).normal(size=(400, 30)).astype(np.float32)
    fitted = OnlineLinearClassifier(optimizer=optimizer, l1=l1, random_state=0).fit(X, X[:, 0] > 0)
    assert np.count_nonzero(fitted.coef_) < most
    assert fitted.coef_.argmax() == 0


def test_class_weights_are_weights_of_the_rows() -> None:
    X, y = classes(3)
    by_class = OnlineLinearClassifier(class_weight={0: 2.0, 2: 0.5}, shuffle=False).fit(X, y)
    by_row = OnlineLinearClassifier(shuffle=False).fit(X, y, np.array([2.0, 1.0, 0.5])[y])
    np.testing.assert_array_equal(by_class.memory_.table.numbers, by_row.memory_.table.numbers)


def test_balanced_classes_weigh_the_same() -> None:
    X, y = classes(2)
    kept = (y == 0) | (np.arange(len(y)) % 8 == 0)
    X, y = X[kept], y[kept]
    plain = OnlineLinearClassifier(random_state=0)
    in_fit = OnlineLinearClassifier(class_weight="balanced", random_state=0)
    online = OnlineLinearClassifier(class_weight="balanced")
    for _ in range(10):
        online.partial_fit(X, y, [0, 1])
    found = [
        np.mean(model.predict(X) == 1) for model in (plain.fit(X, y), in_fit.fit(X, y), online)
    ]
    assert found[0] < 0.1
    assert min(found[1:]) > 0.3
    np.testing.assert_array_equal(online.memory_.seen, 10 * np.bincount(y))


@pytest.mark.parametrize(
    ("estimator", "labels", "message"),
    [
        (OnlineLinearClassifier(), [0, 0], "one class"),
        (OnlineLinearClassifier(), [0.5, 1.5], "Unknown label type"),
        (OnlineLinearClassifier(class_weight={2: 1.0}), [0, 1], r"names \['2'\]"),
        (OnlineLinearClassifier(class_weight={1: -1.0}), [0, 1], "must not be negative"),
        (OnlineLinearClassifier("squared"), [0, 1], "'loss' parameter"),
        (OnlineLinearRegressor("poisson"), [1.0, -2.0], r"must not be negative; got -2\.0"),
        (OnlineLinearRegressor(quantile=1.0), [1.0, 2.0], "'quantile' parameter"),
    ],
)
def test_bad_training_data_are_refused(estimator: Any, labels: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimator.fit(np.ones((2, 1)), labels)


def test_a_class_that_was_not_announced_is_refused() -> None:
    X = np.ones((2, 1))
    fitted = OnlineLinearClassifier().partial_fit(X, [0, 1], [0, 1])
    with pytest.raises(ValueError, match=r"y holds \[2\]"):
        fitted.partial_fit(X, [0, 2])
    with pytest.raises(ValueError, match="not the same as before"):
        fitted.partial_fit(X, [0, 1], [0, 2])
    with pytest.raises(ValueError, match="first call"):
        OnlineLinearClassifier().partial_fit(X, [0, 1])


def test_the_hinge_loss_gives_margins_only() -> None:
    fitted = OnlineLinearClassifier("hinge").fit([[0.0], [1.0]], [0, 1])
    assert not hasattr(fitted, "predict_proba")
    assert hasattr(fitted, "decision_function")


def test_steps_of_sgd_go_on_where_they_ended() -> None:
    X, y = classes(2)
    whole = OnlineLinearClassifier(optimizer="sgd", learning_rate=0.1).partial_fit(X, y, [0, 1])
    parts = OnlineLinearClassifier(optimizer="sgd", learning_rate=0.1)
    for rows in np.split(np.arange(500), [7, 200]):
        parts.partial_fit(X[rows], y[rows], [0, 1])
    np.testing.assert_array_equal(whole.memory_.table.numbers, parts.memory_.table.numbers)
