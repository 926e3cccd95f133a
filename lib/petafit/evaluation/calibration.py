"""Calibration of predicted probabilities."""

import numpy as np

N_BINS = 20


def sums(probability: np.ndarray, happened: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return sums of weight, weighted probability and outcome by equal bins, (3, N_BINS)."""
    bins = np.minimum((probability * N_BINS).astype(np.intp), N_BINS - 1)
    columns = (weight, weight * probability, weight * happened)
    return np.stack([np.bincount(bins, column, minlength=N_BINS) for column in columns])


def error(sums: np.ndarray) -> float:
    """Return the expected calibration error (Guo et al., ICML 2017, eq. 3).

    It is the mean over all rows of ``|mean probability - observed share|`` of their bin.
    """
    weight, predicted, happened = sums
    return float(np.abs(predicted - happened).sum() / weight.sum())
