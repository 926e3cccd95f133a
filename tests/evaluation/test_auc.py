"""The histogram AUC's certificate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from petafit.evaluation import auc
from petafit.evaluation.classification import binary_sums


def counts_of(prediction: np.ndarray, y: np.ndarray, *, probabilities: bool) -> np.ndarray:
    """Negative and positive rows in every bin."""
    if not probabilities:
        return auc.histogram(auc.margin_bins(prediction), y, np.ones(len(y)))
    return binary_sums(prediction, y.astype(np.float64), np.ones(len(y)), 1e-7)[2]


margins = st.floats(-(2.0**100), 2.0**100, width=32)


@settings(max_examples=50, deadline=None)
@given(st.lists(margins, min_size=2), st.booleans())
def test_bins_rise_with_the_prediction(values: list[float], probabilities: bool) -> None:
    ordered = np.sort(np.array(values))
    if probabilities:
        bins = np.array([auc.log_odds_bin(log_odds) for log_odds in ordered])
    else:
        bins = auc.margin_bins(ordered)
    assert (np.diff(bins) >= 0).all()
    assert bins.min() >= 0
    assert bins.max() < auc.N_BINS


@pytest.mark.parametrize("scale", [0.01, 1.0, 1000.0])
@pytest.mark.parametrize("probabilities", [False, True])
def test_the_certificate_holds(scale: float, probabilities: bool) -> None:
    random = np.random.default_rng(0)
    y = random.random(5_000) < 0.3
    margin = scale * (y + random.normal(size=5_000))
    prediction = expit(margin) if probabilities else margin
    counts = counts_of(prediction, y, probabilities=probabilities)
    area, error = auc.area(counts)
    assert area is not None
    assert error is not None
    assert abs(area - roc_auc_score(y, prediction)) <= error + 1e-12
    assert error < 0.01 or (probabilities and scale != 1)


def test_the_certificate_is_narrow_for_probabilities() -> None:
    random = np.random.default_rng(0)
    probability = expit(random.normal(-1.5, 1, 100_000))
    y = random.random(100_000) < probability
    _, error = auc.area(counts_of(probability, y, probabilities=True))
    assert error is not None
    assert error < 1e-4


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 1e30, 1e300])
def test_the_unit_of_weights_makes_no_difference(unit: float) -> None:
    y, bins = np.array([0, 1, 1, 0, 1]), np.array([3, 3, 9, 5, 4])
    weight = np.array([1.0, 2.0, 3.0, 0.5, 2.0])
    expected = auc.area(auc.histogram(bins, y, weight))
    assert auc.area(auc.histogram(bins, y, unit * weight)) == pytest.approx(expected)


def test_ties_count_half() -> None:
    y, prediction = np.array([False, True, True]), np.array([0.5, 0.5, 0.9])
    assert auc.area(counts_of(prediction, y, probabilities=True)) == (0.75, 0.25)


@pytest.mark.parametrize(("filled", "room"), [(0, 0), (100, 1_200), (100_000, 2 * auc.N_BINS * 8)])
def test_a_packed_histogram_is_as_it_was(filled: int, room: int) -> None:
    histogram = np.zeros(2 * auc.N_BINS)
    random = np.random.default_rng(0)
    histogram[random.permutation(len(histogram))[:filled]] = random.random(filled) + 0.5
    packed = auc.packed(histogram.reshape(2, auc.N_BINS))
    assert sum(array.nbytes for array in packed.values()) == room
    np.testing.assert_array_equal(auc.unpacked(packed).ravel(), histogram)
