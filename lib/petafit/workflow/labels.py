"""The kind of a task's label, as its learner needs it."""

from typing import Literal, TypeAlias

from petafit.config.settings import Label
from petafit.errors import ConfigurationError
from petafit.learners.registry import LearnerInfo

LabelKind: TypeAlias = Literal["classes", "number"]


def label_kind(label: Label, learner: LearnerInfo) -> LabelKind | None:
    """Return the kind of the label that a learner learns; None where it reads none.

    Raises
    ------
    ConfigurationError
        The learner needs a label and there is none, needs one of the other kind, or cannot be
        the learner of a task at all.
    """
    if learner.kind == "clusterer":
        return None
    if learner.kind == "other":
        raise ConfigurationError(
            f"{learner.name} predicts no label",
            expected="a classifier, a regressor, a clusterer or a recommender",
            hint="Set `learner.name` to one.",
        )
    if label.column is None and not learner.needs_label:
        return None
    if label.column is None:
        raise ConfigurationError(
            f"{learner.name} is a {learner.kind}, and the task has no label",
            expected="label: the column to predict",
            hint="Name one as `label`, or choose a clusterer, as `mllib.KMeans` is.",
        )
    found: LabelKind = "classes" if learner.kind == "classifier" else "number"
    if label.kind not in ("auto", found):
        raise ConfigurationError(
            f"{learner.name} is a {learner.kind}",
            expected=f"a learner for `label.kind: {label.kind}`",
            hint="Choose another learner, or set `label.kind`.",
        )
    return found
