"""Metrics of a classifier, of probabilities or of margins."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from petafit.compiled import njit
from petafit.evaluation import auc
from petafit.evaluation.metrics import Figures, Metrics, Scored
from petafit.features.encoding.logarithms import logarithm
from petafit.learners.base import Output
from petafit.learners.objective import Objective, of_output
from petafit.store.arrays import StateDict

CALIBRATION_BINS = 20

_CLIP = float(np.finfo(np.float32).eps)


def _short(y: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """Return each margin's hinge loss, (n_rows, n_margins)."""
    if margins.ndim == 1:
        return np.maximum(1 - (2.0 * y - 1) * margins, 0)[:, None]
    signs = np.full(margins.shape, -1.0)
    signs[np.arange(len(y)), y] = 1
    return np.maximum(1 - signs * margins, 0)


OF_MARGINS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "hinge_loss": lambda y, margins: _short(y, margins).sum(axis=1),
    "squared_hinge_loss": lambda y, margins: np.square(_short(y, margins)).sum(axis=1),
}
"""Losses of single rows by margins and positions of classes, by the metric that is their mean.

With several margins it is the sum of each against the rest. Formulas are in
`petafit.learners.objective`.
"""


class ClassificationMetrics(Metrics):
    """Metrics of a classifier.

    ``log_loss`` takes no probability below float32's epsilon, 1.19e-7. ``auc`` (two classes) comes
    from a histogram of 65,536 bins, ``auc_error`` bounds its distance from the exact one; both are
    None where a class is missing. ``accuracy`` breaks ties for the first class.
    ``calibration_error`` is the expected calibration error over 20 equal bins. ``base_log_loss``
    is that of always predicting these rows' own class shares. Margins have only accuracy, AUC, and
    the loss that they were learnt by; ``base_hinge_loss`` is that of the best constant margins.

    Parameters
    ----------
    n_classes : int
    output : {"probability", "margin"}
        Meaning of the predictions.
    objective : Objective, optional
        The loss that the learner minimises; by default the log-loss of probabilities, and the error
        rate of margins.
    """

    def __init__(
        self,
        n_classes: int = 2,
        output: Output = "probability",
        objective: Objective | None = None,
    ) -> None:
        self.n_classes = n_classes
        self.probable = output == "probability"
        self.loss_name = (objective or of_output(output)).name
        self.of_margins = self.loss_name in OF_MARGINS

    def loss(self, figures: Figures) -> float | None:
        accuracy = figures["accuracy"]
        if self.loss_name == "error_rate" and accuracy is not None:
            return 1 - accuracy
        return super().loss(figures)

    def row_losses(self, batch: Scored) -> np.ndarray:
        y, prediction = batch.y.astype(np.intp), batch.prediction
        if self.of_margins:
            return OF_MARGINS[self.loss_name](y, prediction)
        if not self.probable:
            return (self._decided(batch) != y).astype(np.float64)
        if self.n_classes == 2:
            of_truth = np.where(y == 1, prediction, 1 - prediction)
        else:
            of_truth = prediction[np.arange(len(y)), y]
        return -np.log(np.clip(of_truth, _CLIP, 1 - _CLIP), dtype=np.float64)

    def measure(self, batch: Scored) -> StateDict:
        y, weight = batch.y.astype(np.intp), batch.weights
        sums: dict[str, Any] = {
            "weight": weight.sum(),
            "classes": np.bincount(y, weight, minlength=self.n_classes),
        }
        if self.n_classes == 2 and self.probable:
            names = "loss", "correct", "auc", "calibration"
            predicted, truth = batch.prediction.astype(np.float64), batch.y.astype(np.float64)
            found = binary_sums(predicted, truth, weight.astype(np.float64), _CLIP)
            sums |= zip(names, found, strict=True)
            if batch.decided is not None:
                sums["correct"] = weight @ (batch.decided == y)
        else:
            sums |= self._general(batch, y, weight)
        return StateDict({name: np.asarray(value, np.float64) for name, value in sums.items()})

    def _general(self, batch: Scored, y: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        """Compute the sums for margins, or for several classes."""
        prediction = batch.prediction
        right = self._decided(batch) == y
        sums: dict[str, Any] = {"correct": weight @ right}
        if self.probable or self.of_margins:
            sums["loss"] = weight @ self.row_losses(batch)
        if self.probable:
            # Of the most probable class, whatever the decision is.
            happened = right if batch.decided is None else prediction.argmax(axis=1) == y
            sums["calibration"] = calibration_sums(prediction.max(axis=1), happened, weight)
        if self.n_classes == 2:
            sums["auc"] = auc.histogram(auc.margin_bins(prediction), y == 1, weight)
        return sums

    def _decided(self, batch: Scored) -> np.ndarray:
        """Return the positions of the classes decided on, (n_rows,)."""
        if batch.decided is not None:
            return batch.decided
        if self.n_classes > 2:
            return np.asarray(batch.prediction.argmax(axis=1))
        return np.asarray(batch.prediction > (0.5 if self.probable else 0))

    def lift(self, state: StateDict) -> StateDict:
        return state if self.n_classes > 2 else _with_histogram(state, auc.packed)

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        if left.arrays.keys() == right.arrays.keys() and "auc_bins" not in left.arrays:
            return _sum(left, right)
        whole = (_with_histogram(side, _plain) for side in (left, right))
        return _with_histogram(_sum(*whole), auc.packed)

    def figures(self, summary: StateDict) -> Figures:
        sums, weight = summary.arrays, float(summary.arrays["weight"])
        found: Figures = dict.fromkeys(("log_loss", "calibration_error", "base_log_loss"))
        found["accuracy"] = float(sums["correct"]) / weight
        if self.n_classes == 2:
            found["auc"], found["auc_error"] = auc.area(auc.unpacked(sums))
        if self.of_margins:
            shares = sums["classes"] / weight
            best = 2 * np.minimum(shares, 1 - shares)  # for constant margins of 1 or -1
            found[self.loss_name] = float(sums["loss"]) / weight
            if self.loss_name == "hinge_loss":
                found["base_hinge_loss"] = float(best[1] if self.n_classes == 2 else best.sum())
        if self.probable:
            shares = sums["classes"][sums["classes"] > 0] / weight
            found["log_loss"] = float(sums["loss"]) / weight
            found["calibration_error"] = calibration_error(sums["calibration"])
            found["base_log_loss"] = float(shares @ -np.log(shares))
        return found

    def _no_predictions(self) -> np.ndarray:
        return np.empty(0) if self.n_classes == 2 else np.empty((0, self.n_classes))


def _sum(left: StateDict, right: StateDict) -> StateDict:
    return StateDict({name: array + right.arrays[name] for name, array in left.arrays.items()})


def _plain(histogram: np.ndarray) -> dict[str, np.ndarray]:
    return {"auc": histogram}


def _with_histogram(
    sums: StateDict, form: Callable[[np.ndarray], dict[str, np.ndarray]]
) -> StateDict:
    """Convert the histogram in sums of two classes to another form."""
    others = {name: a for name, a in sums.arrays.items() if not name.startswith("auc")}
    return StateDict({**others, **form(auc.unpacked(sums.arrays))})


@njit
def binary_sums(
    probability: np.ndarray, y: np.ndarray, weight: np.ndarray, clip: float
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Return the sums behind all metrics of two-class probabilities, in one compiled pass.

    It is fast enough for every batch of training.

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
    ndarray of shape (3, CALIBRATION_BINS)
        As `calibration_sums`.
    """
    histogram, bins = np.zeros((2, auc.N_BINS)), np.zeros((3, CALIBRATION_BINS))
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
        place = min(int(p * CALIBRATION_BINS), CALIBRATION_BINS - 1)
        bins[0, place] += own
        bins[1, place] += own * p
        bins[2, place] += own * happened
        loss -= own * min(max(logarithms[int(happened), row], least), most)
        correct += own * ((p > 0.5) == happened)
    return loss, correct, histogram, bins


def calibration_sums(
    probability: np.ndarray, happened: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return sums of weight, weighted probability and outcome by equal bins, (3, n_bins)."""
    bins = np.minimum((probability * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
    columns = (weight, weight * probability, weight * happened)
    return np.stack([np.bincount(bins, column, minlength=CALIBRATION_BINS) for column in columns])


def calibration_error(sums: np.ndarray) -> float:
    """Return the expected calibration error (Guo et al., ICML 2017, eq. 3).

    It is the mean over all rows of ``|mean probability - observed share|`` of their bin.
    """
    weight, predicted, happened = sums
    return float(np.abs(predicted - happened).sum() / weight.sum())
