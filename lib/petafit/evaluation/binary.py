"""Metrics of two-class probabilities in one compiled pass, fast enough for every training batch."""

import numpy as np

from petafit.compiled import njit
from petafit.evaluation import auc, calibration
from petafit.features.encoding.logarithms import logarithm


@njit
def sums(
    probability: np.ndarray, y: np.ndarray, weight: np.ndarray, clip: float
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Return the sums behind all metrics of some rows.

    Parameters
    ----------
    probability : ndarray of float64, shape (n_rows,)
        Probability of class 1.
    y : ndarray of float64, shape (n_rows,)
    weight : ndarray of float64, shape (n_rows,) or (0,)
        Empty: every row weighs 1.
    clip : float
        Lower bound of probabilities in the loss.

    Returns
    -------
    loss, correct : float
        Weighted log-loss, and the weight of correct decisions.
    ndarray of shape (2, auc.N_BINS)
        As `petafit.evaluation.auc.histogram`, by `petafit.evaluation.auc.log_odds_bin`.
    ndarray of shape (3, calibration.N_BINS)
        As `petafit.evaluation.calibration.sums`.
    """
    histogram, bins = np.zeros((2, auc.N_BINS)), np.zeros((3, calibration.N_BINS))
    loss = correct = 0.0
    least, most = np.log(clip), np.log1p(-clip)
    logarithms = np.empty((2, len(probability)))
    for row in range(len(probability)):  # a separate loop, which the compiler vectorises
        logarithms[0, row] = logarithm(1 - probability[row])
        logarithms[1, row] = logarithm(probability[row])
    for row in range(len(probability)):
        p, own = probability[row], weight[row] if len(weight) else 1.0
        happened = y[row] == 1
        log_odds = logarithms[1, row] - logarithms[0, row]
        histogram[int(happened), auc.log_odds_bin(log_odds)] += own
        place = min(int(p * calibration.N_BINS), calibration.N_BINS - 1)
        bins[0, place] += own
        bins[1, place] += own * p
        bins[2, place] += own * happened
        loss -= own * min(max(logarithms[int(happened), row], least), most)
        correct += own * ((p > 0.5) == happened)
    return loss, correct, histogram, bins
