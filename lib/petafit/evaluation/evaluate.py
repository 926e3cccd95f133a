"""Evaluation of a model over raw record batches: predict, then measure."""

from typing import Any, Literal

import pyarrow as pa

from petafit.aggregate.aggregator import Aggregator, Composite
from petafit.errors import ConfigurationError, ContractError
from petafit.evaluation.classification import ClassificationMetrics
from petafit.evaluation.metrics import Figures, Metrics, Scored
from petafit.evaluation.regression import RegressionMetrics
from petafit.learners.arrays import NOT_FINITE, finite_rows
from petafit.learners.base import Output
from petafit.learners.objective import Objective, of_output
from petafit.models.mllib import SparkModel
from petafit.models.model import model_from_named
from petafit.models.predictor import Predictor
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict
from petafit.table.filters.predicate import RowFilter


class StartedModel(Aggregator[Predictor | SparkModel, None, None]):
    """The model that an aggregator is started with: a part of its state, and not of its summary.

    Parameters
    ----------
    purpose : str
        What the model is for, as a verb.
    """

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose

    def start(self, model: StateDict | None = None) -> Predictor | SparkModel:
        if model is None:
            raise ConfigurationError(
                f"There is no model to {self.purpose}", hint="Start with a model."
            )
        return model_from_named(model)

    def reduce(self, state: Predictor | SparkModel, batch: None) -> Predictor | SparkModel:
        return state

    def lift(self, state: Predictor | SparkModel) -> StateDict:
        return StateDict()

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return left

    def finish(self, summary: StateDict, model: StateDict | None = None) -> None:
        return None

    def dump(self, state: Predictor | SparkModel) -> StateDict:
        return state.to_state_dict()

    def load(self, dumped: StateDict) -> Predictor | SparkModel:
        return model_from_named(dumped)


class Evaluate(Composite[pa.RecordBatch, Figures]):
    """Metrics of the model that it is started with.

    Parameters
    ----------
    metrics : Metrics
        The metrics to compute.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.model = StartedModel("evaluate")
        super().__init__({"model": self.model, "metrics": metrics})

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        return {"model": self.model.start(model), "metrics": self.metrics.start()}

    def reduce(self, state: dict[str, Any], batch: pa.RecordBatch) -> dict[str, Any]:
        model: Predictor | SparkModel = state["model"]
        labels, weights = model.encoder.targets(batch)
        predictions = model.predict_batch(batch)
        if not finite_rows(predictions).all():
            raise ContractError(
                f"A row cannot be measured: {NOT_FINITE}",
                hint="Set limits in `contract.columns` that leave out values so large.",
            )
        scored = Scored(labels, predictions, weights, model.decided(batch, predictions))
        return {"model": model, "metrics": self.metrics.reduce(state["metrics"], scored)}

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Figures:
        return self.metrics.finish(summary.part("metrics"))


class Measure(Aggregator[Any, pa.RecordBatch, Figures]):
    """Metrics of predictions in a column of the batch.

    Parameters
    ----------
    metrics : Metrics
    label, prediction : str
        Columns of the class position or number, and of the prediction.
    rows : RowFilter
        Selects the rows.
    """

    def __init__(self, metrics: Metrics, *, label: str, prediction: str, rows: RowFilter) -> None:
        self.metrics = metrics
        self.label = label
        self.prediction = prediction
        self.rows = rows

    def start(self, model: StateDict | None = None) -> Any:
        return self.metrics.start()

    def reduce(self, state: Any, batch: pa.RecordBatch) -> Any:
        mask = self.rows.mask(batch)
        counted = batch if mask is None else batch.filter(mask)
        label, prediction = counted.column(self.label), counted.column(self.prediction)
        return self.metrics.reduce(state, Scored(label.to_numpy(), prediction.to_numpy()))

    def lift(self, state: Any) -> StateDict:
        return self.metrics.lift(state)

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return self.metrics.merge(left, right)

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Figures:
        return self.metrics.finish(summary)


def metrics_of(model: Signature) -> Metrics:
    """Return the metrics of a model's kind, including its own loss."""
    if model.classes is None:
        return metrics_for("number", objective=model.objective)
    return metrics_for(
        "classes", n_classes=len(model.classes), output=model.output, objective=model.objective
    )


def metrics_for(
    kind: Literal["classes", "number"],
    *,
    n_classes: int = 2,
    output: Output = "probability",
    objective: Objective | None = None,
) -> Metrics:
    """Return the metrics for a kind of label and a learner.

    Parameters
    ----------
    kind : {"classes", "number"}
        Kind of the label.
    n_classes : int
    output : {"probability", "margin", "value"}
        Meaning of the learner's predictions.
    objective : Objective, optional
        The loss that it minimises; None: the default for such predictions.
    """
    if kind == "number":
        return RegressionMetrics(objective or of_output("value"))
    return ClassificationMetrics(n_classes, output, objective)
