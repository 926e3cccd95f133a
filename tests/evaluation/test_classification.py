"""Expected calibration error."""

import numpy as np
import pytest

from petafit.evaluation.classification import calibration_error, calibration_sums


def test_error_is_the_mean_distance_of_the_bins() -> None:
    probability = np.array([0.12, 0.14, 0.81, 0.83, 1.0])
    happened = np.array([0, 1, 1, 1, 1])
    weight = np.array([1.0, 1.0, 1.0, 1.0, 4.0])
    bins = [(2, abs(0.13 - 0.5)), (2, abs(0.82 - 1)), (4, 0.0)]
    expected = sum(rows * distance for rows, distance in bins) / 8
    found = calibration_error(calibration_sums(probability, happened, weight))
    assert found == pytest.approx(expected)


def test_probabilities_that_hold_have_a_small_error() -> None:
    random = np.random.default_rng(0)
    probability = random.random(100_000)
    happened = random.random(100_000) < probability
    sums = calibration_sums(probability, happened, np.ones(100_000))
    assert calibration_error(sums) < 0.01
    assert calibration_error(calibration_sums(probability**2, happened, np.ones(100_000))) > 0.1
