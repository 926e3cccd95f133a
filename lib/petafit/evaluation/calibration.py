"""How far predicted probabilities are from what happens."""

import numpy as np

N_BINS = 20


def sums(probability: np.ndarray, happened: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sums of weight, weighted probability and weighted outcome by equal bins, (3, N_BINS)."""
    bins = np.minimum((probability * N_BINS).astype(np.intp), N_BINS - 1)
    columns = (weight, weight * probability, weight * happened)
    return np.stack([np.bincount(bins, column, minlength=N_BINS) for column in columns])


def error(sums: np.ndarray) -> float:
    """The expected calibration error (Guo et al., ICML 2017, eq. 3).

    The mean over all rows of ``|mean probability - share that happened|`` of their bin.
    """
    weight, predicted, happened = sums
    return float(np.abs(predicted - happened).sum() / weight.sum())
