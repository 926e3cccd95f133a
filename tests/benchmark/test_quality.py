import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from petafit.errors import ContractError
from petafit_benchmark.quality import auc_with_interval, measure


def clicks(rows=4000, *, levels=None, seed=1):
    """Labels and informative probabilities; `levels` makes ties."""
    rng = np.random.default_rng(seed)
    label = (rng.random(rows) < 0.25).astype(np.int64)
    score = 1 / (1 + np.exp(-(rng.normal(size=rows) + 1.5 * label - 1)))
    return label, score if levels is None else np.round(score * levels) / levels


@pytest.mark.parametrize("levels", [None, 10])
def test_figures_of_two_classes_are_those_of_scikit_learn(levels):
    label, predictions = clicks(levels=levels)
    quality = measure(label, predictions)
    assert quality.log_loss == pytest.approx(metrics.log_loss(label, predictions), abs=1e-12)
    assert quality.auc == pytest.approx(metrics.roc_auc_score(label, predictions), abs=1e-12)
    assert quality.accuracy == metrics.accuracy_score(label, predictions >= 0.5)


def test_figures_of_many_classes_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    predictions = rng.dirichlet(np.full(7, 0.4), size=500)
    label = np.array([rng.choice(7, p=row) for row in predictions])
    quality = measure(label, predictions)
    assert quality.log_loss == pytest.approx(metrics.log_loss(label, predictions), rel=1e-12)
    assert quality.accuracy == metrics.accuracy_score(label, predictions.argmax(axis=1))
    assert quality.auc is None
    assert quality.auc_ci is None


@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=30),
    st.lists(st.integers(0, 6), min_size=2, max_size=30),
)
def test_the_interval_of_the_auc_is_delongs(positive, negative):
    """Against the definition: structural components from all pairs."""
    pairs = np.sign(np.subtract.outer(np.array(positive), np.array(negative))) / 2 + 0.5
    of_positive, of_negative = pairs.mean(axis=1), pairs.mean(axis=0)
    variance = of_positive.var(ddof=1) / len(positive) + of_negative.var(ddof=1) / len(negative)
    label = np.array([1] * len(positive) + [0] * len(negative))
    auc, (low, high) = auc_with_interval(label, np.array(positive + negative, np.float64))
    half = 1.959963984540054 * np.sqrt(variance)
    assert auc == pytest.approx(pairs.mean())
    assert (low, high) == pytest.approx((max(auc - half, 0), min(auc + half, 1)), abs=1e-9)


def test_95_percent_of_the_intervals_cover_the_mean():
    long_run = measure(*clicks(400_000, seed=3))
    held = {"log_loss": 0, "auc": 0, "accuracy": 0}
    for seed in range(200):
        quality = measure(*clicks(1000, seed=100 + seed))
        for name in held:
            low, high = getattr(quality, f"{name}_ci")
            held[name] += low <= getattr(long_run, name) <= high
    assert all(180 <= count <= 199 for count in held.values()), held


def test_the_loss_of_a_certain_mistake_is_finite():
    quality = measure(np.array([1, 0]), np.array([0.0, 0.0]))
    assert np.isfinite(quality.log_loss)


def test_one_class_has_no_auc():
    assert measure(np.ones(5, np.int64), np.full(5, 0.7)).auc is None


@pytest.mark.parametrize(
    ("predictions", "complaint"),
    [
        (np.full(3, 0.5), "every test row"),
        (np.array([0.5, 1.5]), "no probability"),
        (np.array([0.5, np.nan]), "no probability"),
    ],
)
def test_bad_predictions_are_refused(predictions, complaint):
    with pytest.raises(ContractError, match=complaint):
        measure(np.array([0, 1]), predictions)
