"""Mergeable metrics: exact over any number of shards, in any order, with weights."""

from typing import Literal

from petafit.evaluation.classification import ClassificationMetrics
from petafit.evaluation.figures import Figures, Metrics, Scored, check_numbers
from petafit.evaluation.regression import RegressionMetrics
from petafit.learners.base import Output
from petafit.learners.objective import Objective, of_output

__all__ = [
    "ClassificationMetrics",
    "Figures",
    "Metrics",
    "RegressionMetrics",
    "Scored",
    "check_numbers",
    "metrics_for",
]


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
