"""One learner over encoded batches: predict before the update, learn, measure."""

from dataclasses import dataclass
from typing import Any

from petafit.aggregate.aggregator import Composite
from petafit.evaluation.metrics import Metrics, Scored
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner, labels_of
from petafit.store.arrays import StateDict
from petafit.training.merge_holdout import CollectHoldout, taken_from


@dataclass(frozen=True)
class Fitted:
    """The merged summary of a round's shards.

    Attributes
    ----------
    summary : StateDict
        The learner's; its `finish` or `stack` makes a model of it.
    reserved : StateDict
        Rows that were put aside: see `petafit.training.merge_holdout`.
    measured : StateDict or None
        What the predictions say that were made for every batch before learning from it, by the
        shards' own models; None where they were not asked for, or where there were none.
    """

    summary: StateDict
    reserved: StateDict
    measured: StateDict | None


class FitShard(Composite[Batch, Fitted]):
    """A learner, and the metrics of what it predicts before it learns.

    Parameters
    ----------
    learner : Learner
    metrics : Metrics or None
        Measures the predictions before each update (progressive validation): honest in a first
        round only, since later ones have seen the rows.
    collect : bool
        Hand on the rows that are put aside, and not only leave them out.
    """

    def __init__(
        self, learner: Learner[Any], metrics: Metrics | None, *, collect: bool = True
    ) -> None:
        self.learner = learner
        self.metrics = metrics
        self.collect = collect
        self.holdout = CollectHoldout()
        measured = {"metrics": metrics} if metrics else {}
        super().__init__({"learner": learner, **measured, "reserved": self.holdout})
        # What is predicted before an update depends on what the shard has learnt by then.
        self.exact = learner.exact and metrics is None

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        measured = {"metrics": self.metrics.start()} if self.metrics else {}
        return {"learner": self.learner.start(model), **measured, "reserved": self.holdout.start()}

    def reduce(self, state: dict[str, Any], batch: Batch) -> dict[str, Any]:
        batch, aside = taken_from(batch)
        if self.collect:
            state["reserved"] = self.holdout.reduce(state["reserved"], aside)
        if self.metrics is None:
            state["learner"] = self.learner.reduce(state["learner"], batch)
            return state
        state["learner"], predictions = self.learner.progressive(state["learner"], batch)
        if predictions is not None:
            scored = Scored(labels_of(batch, self.learner.name), predictions, batch.weight)
            state["metrics"] = self.metrics.reduce(state["metrics"], scored)
        return state

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Fitted:
        measured = summary.part("metrics")
        has_rows = self.metrics is not None and self.metrics.has_rows(measured)
        learner, reserved = summary.part("learner"), summary.part("reserved")
        return Fitted(learner, reserved, measured if has_rows else None)


def learnt(summary: StateDict) -> StateDict:
    """The learner's own summary, of the summary of a `FitShard` behind the data contract."""
    return summary.part("inner").part("learner")
