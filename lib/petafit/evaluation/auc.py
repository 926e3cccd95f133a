"""Area under the ROC curve from a mergeable histogram, with an error bound."""

from collections.abc import Mapping

import numpy as np

from petafit.compiled import njit

N_BINS = 1 << 16

_MANY = 0.25
"""From this share of filled bins on, an index of them saves little memory."""

LARGEST_LOG_ODDS = 16.0


@njit
def log_odds_bin(log_odds: float) -> int:
    """Return the bin of a probability: equal bins of the log-odds in [-16, 16), 2,048 to the unit.

    The first and the last bin include all values beyond.
    """
    scaled = (log_odds + LARGEST_LOG_ODDS) * (N_BINS / (2 * LARGEST_LOG_ODDS))
    return int(min(max(scaled, 0.0), N_BINS - 1.0))


def margin_bins(margin: np.ndarray) -> np.ndarray:
    """Return the bin of every margin, increasing with it.

    Since their scale is unknown, a bin is the upper 16 bits of the float32: 128 bins for each power
    of two.

    Parameters
    ----------
    margin : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of intp, shape (n_rows,)
    """
    unsigned_zero = margin.astype(np.float32) + np.float32(0)
    bits = unsigned_zero.view(np.uint32)
    rising = np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31))
    return np.right_shift(rising, np.uint32(16)).astype(np.intp)


def histogram(bins: np.ndarray, positive: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return weights of the negative and the positive rows in every bin, (2, N_BINS)."""
    both = np.bincount(bins + N_BINS * positive, weight, minlength=2 * N_BINS)
    return both.reshape(2, N_BINS)


def packed(histogram: np.ndarray) -> dict[str, np.ndarray]:
    """Return a histogram as arrays that are small if few bins are filled, as for a small shard.

    Returns
    -------
    dict
        Either ``auc``, the histogram itself, or ``auc_bins`` and ``auc_weights``: the positions of
        the filled bins in its ravelled form, int32, and their weights.
    """
    filled = np.flatnonzero(histogram)
    if len(filled) >= _MANY * histogram.size:
        return {"auc": histogram}
    return {"auc_bins": filled.astype(np.int32), "auc_weights": histogram.ravel()[filled]}


def unpacked(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the histogram, (2, N_BINS), from arrays with either form of `packed`."""
    if "auc" in arrays:
        return arrays["auc"]
    histogram = np.zeros(2 * N_BINS)
    histogram[arrays["auc_bins"]] = arrays["auc_weights"]
    return histogram.reshape(2, N_BINS)


def area(histogram: np.ndarray) -> tuple[float | None, float | None]:
    """Return the area, and a bound on its error; None if a class is missing.

    With the weights P_b, N_b of positive and negative rows in bin b, their totals P, N, and the
    weight N_below_b of negative rows in lower bins, the area is
    ``sum_b P_b (N_below_b + N_b / 2) / (P N)``: pairs in one bin count as ties, so the error is at
    most half their share, ``sum_b P_b N_b / (2 P N)``.
    """
    totals = histogram.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        return None, None
    negative, positive = histogram / totals  # shares: products of weights may exceed float64
    below = np.cumsum(negative) - negative
    return float(positive @ (below + negative / 2)), float(positive @ negative / 2)
