"""Metrics that merge: exact over any number of shards, in any order, weights respected."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from petafit.aggregate.law import Aggregator
from petafit.errors import ConfigurationError, EmptyInputError
from petafit.evaluation import auc, binary, calibration
from petafit.learners.learner import Output
from petafit.store.arrays import Named

Figures = dict[str, float | None]

_CLIP = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with their predictions.

    Attributes
    ----------
    y : ndarray of shape (n_rows,)
        The class's position, or the number.
    prediction : ndarray of shape (n_rows,) or (n_rows, n_classes)
        As learners predict.
    weight : ndarray of shape (n_rows,), optional
        Integer weights count as that many rows.
    """

    y: np.ndarray
    prediction: np.ndarray
    weight: np.ndarray | None = None

    @property
    def weights(self) -> np.ndarray:
        return np.ones(len(self.y)) if self.weight is None else self.weight


class Metrics(Aggregator[Named, Scored, Figures]):
    """What rows say is the merge of what their batches say.

    Attributes
    ----------
    loss_name : str
        Of the figure to minimise.
    """

    @property
    @abstractmethod
    def loss_name(self) -> str: ...

    @abstractmethod
    def row_losses(self, batch: Scored) -> np.ndarray:
        """The losses whose weighted mean is the figure to minimise, (n_rows,) float64."""

    @abstractmethod
    def loss(self, figures: Figures) -> float | None:
        """The figure to minimise."""

    @abstractmethod
    def measure(self, batch: Scored) -> Named:
        """What a batch alone has to say."""

    def start(self, model: Named | None = None) -> Named:
        return self.measure(Scored(np.empty(0), self._no_predictions()))

    def reduce(self, state: Named, batch: Scored) -> Named:
        check_numbers(batch.prediction)
        return self.merge(state, self.measure(batch))

    def lift(self, state: Named) -> Named:
        return state

    def finish(self, summary: Named, model: Named | None = None) -> Figures:
        if not self.has_rows(summary):
            raise EmptyInputError(
                "There are no rows to measure, or none has weight",
                hint="Check `split` and `weight`.",
            )
        return self.figures(summary)

    def progress(self, state: Named) -> float | None:
        return self.loss(self.figures(state)) if self.has_rows(state) else None

    def has_rows(self, summary: Named) -> bool:
        """Whether there is anything to measure."""
        return bool(summary.arrays["weight"] > 0)

    @abstractmethod
    def figures(self, summary: Named) -> Figures:
        """The metrics of a summary of one row or more."""

    def _no_predictions(self) -> np.ndarray:
        return np.empty(0)


class ClassificationMetrics(Metrics):
    """Metrics of a classifier.

    ``log_loss`` takes no probability below float32's epsilon, 1.19e-7. ``auc`` (two classes) comes
    from a histogram of 65,536 bins, ``auc_error`` bounds its distance from the exact one; both are
    None where a class is missing. ``accuracy`` breaks ties for the first class.
    ``calibration_error`` is the expected calibration error over 20 equal bins. ``base_log_loss``
    is that of always predicting these rows' own class shares. Margins have only accuracy and AUC.

    Parameters
    ----------
    n_classes : int
    output : {"probability", "margin"}
        What the predictions are.
    """

    def __init__(self, n_classes: int = 2, output: Output = "probability") -> None:
        self.n_classes = n_classes
        self.probable = output == "probability"

    def loss(self, figures: Figures) -> float | None:
        """The log-loss, or the share of wrong decisions where there are no probabilities."""
        accuracy = figures["accuracy"]
        return figures["log_loss"] if self.probable or accuracy is None else 1 - accuracy

    @property
    def loss_name(self) -> str:
        return "log_loss" if self.probable else "error_rate"

    def row_losses(self, batch: Scored) -> np.ndarray:
        y, prediction = batch.y.astype(np.intp), batch.prediction
        if not self.probable:
            decided = prediction > 0 if self.n_classes == 2 else prediction.argmax(axis=1)
            return (decided != y).astype(np.float64)
        if self.n_classes == 2:
            of_truth = np.where(y == 1, prediction, 1 - prediction)
        else:
            of_truth = prediction[np.arange(len(y)), y]
        return -np.log(np.clip(of_truth, _CLIP, 1 - _CLIP), dtype=np.float64)

    def measure(self, batch: Scored) -> Named:
        y, weight = batch.y.astype(np.intp), batch.weights
        sums: dict[str, Any] = {
            "weight": weight.sum(),
            "classes": np.bincount(y, weight, minlength=self.n_classes),
        }
        if self.n_classes == 2 and self.probable:
            names = "loss", "correct", "auc", "calibration"
            predicted, truth = batch.prediction.astype(np.float64), batch.y.astype(np.float64)
            found = binary.sums(predicted, truth, weight.astype(np.float64), _CLIP)
            sums |= zip(names, found, strict=True)
        else:
            sums |= self._general(batch, y, weight)
        return Named({name: np.asarray(value, np.float64) for name, value in sums.items()})

    def _general(self, batch: Scored, y: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        """Of margins, or of several classes."""
        prediction = batch.prediction
        if self.n_classes == 2:
            bins = auc.margin_bins(prediction)
            right = (prediction > 0) == (y == 1)
            return {"correct": weight @ right, "auc": auc.histogram(bins, y == 1, weight)}
        right = prediction.argmax(axis=1) == y
        sums: dict[str, Any] = {"correct": weight @ right}
        if self.probable:
            sums["loss"] = weight @ self.row_losses(batch)
            sums["calibration"] = calibration.sums(prediction.max(axis=1), right, weight)
        return sums

    def lift(self, state: Named) -> Named:
        return state if self.n_classes > 2 else _with_histogram(state, auc.packed)

    def merge(self, left: Named, right: Named) -> Named:
        if left.arrays.keys() == right.arrays.keys() and "auc_bins" not in left.arrays:
            return _sum(left, right)
        whole = (_with_histogram(side, _plain) for side in (left, right))
        return _with_histogram(_sum(*whole), auc.packed)

    def figures(self, summary: Named) -> Figures:
        sums, weight = summary.arrays, float(summary.arrays["weight"])
        found: Figures = dict.fromkeys(("log_loss", "calibration_error", "base_log_loss"))
        found["accuracy"] = float(sums["correct"]) / weight
        if self.n_classes == 2:
            found["auc"], found["auc_error"] = auc.area(auc.unpacked(sums))
        if self.probable:
            shares = sums["classes"][sums["classes"] > 0] / weight
            found["log_loss"] = float(sums["loss"]) / weight
            found["calibration_error"] = calibration.error(sums["calibration"])
            found["base_log_loss"] = float(shares @ -np.log(shares))
        return found

    def _no_predictions(self) -> np.ndarray:
        return np.empty(0) if self.n_classes == 2 else np.empty((0, self.n_classes))


def _sum(left: Named, right: Named) -> Named:
    return Named({name: array + right.arrays[name] for name, array in left.arrays.items()})


def _plain(histogram: np.ndarray) -> dict[str, np.ndarray]:
    return {"auc": histogram}


def _with_histogram(sums: Named, form: Callable[[np.ndarray], dict[str, np.ndarray]]) -> Named:
    """Sums of two classes with their histogram in another form."""
    others = {name: a for name, a in sums.arrays.items() if not name.startswith("auc")}
    return Named({**others, **form(auc.unpacked(sums.arrays))})


class RegressionMetrics(Metrics):
    """Metrics of a regressor; ``r2`` is None where all labels are equal."""

    loss_name = "mean_squared_error"

    def row_losses(self, batch: Scored) -> np.ndarray:
        return np.square(batch.y - batch.prediction, dtype=np.float64)

    def loss(self, figures: Figures) -> float | None:
        return figures["mean_squared_error"]

    def measure(self, batch: Scored) -> Named:
        y, weight, error = batch.y, batch.weights, batch.y - batch.prediction
        total = weight.sum()
        mean = y[0] + weight @ (y - y[0]) / total if total > 0 else 0.0
        sums = {
            "weight": total,
            "mean": mean,
            "squares": weight @ (y - mean) ** 2,
            "squared_error": weight @ error**2,
            "absolute_error": weight @ abs(error),
        }
        return Named({name: np.asarray(value, np.float64) for name, value in sums.items()})

    def merge(self, left: Named, right: Named) -> Named:
        """Sums, and the labels' mean and squared distances from it by Chan's pairwise update."""
        merged = {name: array + right.arrays[name] for name, array in left.arrays.items()}
        if merged["weight"] == 0:
            return left
        share = right.arrays["weight"] / merged["weight"]
        distance = right.arrays["mean"] - left.arrays["mean"]
        merged["mean"] = left.arrays["mean"] + share * distance
        merged["squares"] += distance**2 * left.arrays["weight"] * share
        return Named(merged)

    def figures(self, summary: Named) -> Figures:
        sums = {name: float(array) for name, array in summary.arrays.items()}
        explained = sums["squared_error"] / sums["squares"] if sums["squares"] > 0 else None
        return {
            "mean_squared_error": sums["squared_error"] / sums["weight"],
            "mean_absolute_error": sums["absolute_error"] / sums["weight"],
            "r2": None if explained is None else 1 - explained,
        }


def check_numbers(prediction: np.ndarray) -> None:
    """Refuse predictions that are NaN.

    Raises
    ------
    ConfigurationError
        There is one.
    """
    if np.isnan(prediction).any():
        raise ConfigurationError(
            "Predictions are not numbers: the learner diverged",
            hint="Lower its learning rate, or scale the numeric features.",
        )


def metrics_for(
    kind: Literal["classes", "number"], *, n_classes: int = 2, output: Output = "probability"
) -> Metrics:
    """The metrics that suit a label.

    Parameters
    ----------
    kind : {"classes", "number"}
        What the label is.
    n_classes : int
    output : {"probability", "margin", "value"}
        What the learner predicts.
    """
    return RegressionMetrics() if kind == "number" else ClassificationMetrics(n_classes, output)
