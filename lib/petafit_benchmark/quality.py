"""The quality of predictions with 95% confidence intervals, the same for every contender."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from petafit.errors import ContractError

Interval = tuple[float, float]

_TWO_SIDED_95 = float(ndtri(0.975))
_LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Quality:
    """Metrics of one model on the test rows; AUC for two classes only.

    The intervals cover the sampling of the test rows, not that of the training rows.
    """

    log_loss: float
    log_loss_ci: Interval
    accuracy: float
    accuracy_ci: Interval
    auc: float | None = None
    auc_ci: Interval | None = None


def measure(label: np.ndarray, predictions: np.ndarray) -> Quality:
    """Compute the metrics of predictions.

    Parameters
    ----------
    label : ndarray of int, shape (n_rows,)
        Classes from 0.
    predictions : ndarray of float64, shape (n_rows,) or (n_rows, n_classes)
        Probabilities of class 1, or of every class.

    Raises
    ------
    ContractError
        There is not one probability for each row.
    """
    if len(label) != len(predictions):
        raise ContractError(
            "A contender did not predict every test row",
            expected=f"{len(label):,} predictions",
            got=f"{len(predictions):,}",
        )
    if not ((predictions >= 0) & (predictions <= 1)).all():
        raise ContractError(
            "A contender predicted a value that is no probability", expected="0 to 1"
        )
    losses = row_losses(label, predictions)
    binary = predictions.ndim == 1
    chosen = predictions >= 0.5 if binary else predictions.argmax(axis=1)
    log_loss, log_loss_ci = mean_with_interval(losses)
    accuracy, accuracy_ci = mean_with_interval((chosen == label).astype(np.float64))
    auc, auc_ci = auc_with_interval(label, predictions) if binary else (None, None)
    return Quality(log_loss, log_loss_ci, accuracy, accuracy_ci, auc, auc_ci)


def row_losses(label: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """The log-loss of every row, (n_rows,); probabilities are kept 2.2e-16 away from 0 and 1."""
    if predictions.ndim == 1:
        hit = np.where(label == 1, predictions, 1 - predictions)
    else:
        hit = predictions[np.arange(len(label)), label]
    return np.asarray(-np.log(np.clip(hit, _LEAST, 1 - _LEAST)))


def mean_with_interval(values: np.ndarray) -> tuple[float, Interval]:
    """The mean, and the normal interval that its standard error gives."""
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else np.inf
    return mean, _around(mean, error)


def auc_with_interval(label: np.ndarray, score: np.ndarray) -> tuple[float | None, Interval | None]:
    """The area under the ROC curve with DeLong's interval; None where a class is missing.

    The variance is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), its structural
    components found from midranks in O(n log n) as by Sun and Xu (IEEE Signal Processing Letters
    21, 2014).

    Parameters
    ----------
    label : ndarray of int, shape (n_rows,)
    score : ndarray of float, shape (n_rows,)
    """
    positive, negative = score[label == 1], score[label != 1]
    m, n = len(positive), len(negative)
    if not m or not n:
        return None, None
    ranks = rankdata(np.concatenate([positive, negative]))
    # The share of the other class that each row ranks above, ties counting one half.
    of_positive = (ranks[:m] - rankdata(positive)) / n
    of_negative = 1 - (ranks[m:] - rankdata(negative)) / m
    auc = float(of_positive.mean())
    if m < 2 or n < 2:
        return auc, (0.0, 1.0)
    variance = of_positive.var(ddof=1) / m + of_negative.var(ddof=1) / n
    low, high = _around(auc, float(np.sqrt(variance)))
    return auc, (max(low, 0.0), min(high, 1.0))


def _around(mean: float, error: float) -> Interval:
    return mean - _TWO_SIDED_95 * error, mean + _TWO_SIDED_95 * error
