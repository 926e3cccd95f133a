"""Metrics that merge: exact over any number of shards, in any order, weights respected."""

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
    """The metrics that suit a label and a learner.

    Parameters
    ----------
    kind : {"classes", "number"}
        What the label is.
    n_classes : int
    output : {"probability", "margin", "value"}
        What the learner predicts.
    objective : Objective, optional
        What it makes small; None: what is usual of such predictions.
    """
    if kind == "number":
        return RegressionMetrics(objective or of_output("value"))
    return ClassificationMetrics(n_classes, output, objective)
