"""Area under the ROC curve from a histogram that merges, with a bound on its error."""

import numpy as np

N_BINS = 1 << 16

_LARGEST_LOG_ODDS = 16.0


def bins(prediction: np.ndarray, *, probabilities: bool) -> np.ndarray:
    """The bin of every prediction, rising with it.

    Probabilities: equal bins of the log-odds in [-16, 16), 2,048 to the unit; the ends take in what
    lies beyond. Margins, whose scale is not known: the upper 16 bits of the float32, 128 bins to
    each power of two.

    Parameters
    ----------
    prediction : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of intp, shape (n_rows,)
    """
    if not probabilities:
        unsigned_zero = prediction.astype(np.float32) + np.float32(0)
        bits = unsigned_zero.view(np.uint32)
        negative = bits >> 31 == 1
        rising = np.where(negative, ~bits, bits | np.uint32(1 << 31))
        return np.right_shift(rising, np.uint32(16)).astype(np.intp)
    with np.errstate(divide="ignore"):
        log_odds = np.log(prediction) - np.log1p(-prediction)
    scaled = (log_odds + _LARGEST_LOG_ODDS) * (N_BINS / (2 * _LARGEST_LOG_ODDS))
    return np.asarray(np.clip(scaled, 0, N_BINS - 1), np.intp)


def histogram(bins: np.ndarray, positive: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of the negative and the positive rows in every bin, (2, N_BINS)."""
    both = np.bincount(bins + N_BINS * positive, weight, minlength=2 * N_BINS)
    return both.reshape(2, N_BINS)


def area(histogram: np.ndarray) -> tuple[float | None, float | None]:
    """The area, and how far the exact one can be from it; None where a class is missing.

    ``sum_b P_b (N_below_b + N_b / 2) / (P N)``: pairs in one bin count as ties, so the error is at
    most half their share, ``sum_b P_b N_b / (2 P N)``.
    """
    negative, positive = histogram
    pairs = negative.sum() * positive.sum()
    if not pairs > 0:
        return None, None
    below = np.cumsum(negative) - negative
    return (
        float(positive @ (below + negative / 2) / pairs),
        float(positive @ negative / (2 * pairs)),
    )
