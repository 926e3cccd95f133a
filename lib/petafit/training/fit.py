"""One learner over encoded batches: predict before the update, learn, measure."""

from dataclasses import dataclass
from typing import Any

from petafit.aggregate.law import Aggregator
from petafit.evaluation.metrics import Figures, Metrics, Scored
from petafit.features.batch import Batch
from petafit.learners.learner import Learner, labels_of
from petafit.store.arrays import Named


@dataclass
class FitState:
    """The learner's state, and the metrics of its predictions before each update."""

    learner: Any
    metrics: Any


@dataclass(frozen=True)
class Fitted:
    """What a round gave.

    Attributes
    ----------
    weights : Named
        The merged model.
    progressive : dict or None
        Metrics of the predictions made for every batch before learning from it, by the shards'
        own models; None where they were not asked for, or where there were none.
    """

    weights: Named
    progressive: Figures | None


class Fit(Aggregator[FitState, Batch, Fitted]):
    """A learner, and the metrics of what it predicts before it learns.

    Parameters
    ----------
    learner : Learner
    metrics : Metrics or None
        Measures the predictions before each update (progressive validation): honest in a first
        round only, since later ones have seen the rows.
    """

    def __init__(self, learner: Learner[Any], metrics: Metrics | None) -> None:
        self.learner = learner
        self.metrics = metrics
        self.exact = learner.exact

    def start(self, model: Named | None = None) -> FitState:
        return FitState(self.learner.start(model), self.metrics.start() if self.metrics else None)

    def reduce(self, state: FitState, batch: Batch) -> FitState:
        if self.metrics is None:
            return FitState(self.learner.reduce(state.learner, batch), None)
        learner, predictions = self.learner.progressive(state.learner, batch)
        if predictions is None:
            return FitState(learner, state.metrics)
        scored = Scored(labels_of(batch, self.learner.name), predictions, batch.weight)
        return FitState(learner, self.metrics.reduce(state.metrics, scored))

    def progress(self, state: FitState) -> float | None:
        return self.metrics.progress(state.metrics) if self.metrics else None

    def lift(self, state: FitState) -> Named:
        return self._join(
            self.learner.lift(state.learner),
            self.metrics.lift(state.metrics) if self.metrics else Named(),
        )

    def merge(self, left: Named, right: Named) -> Named:
        learner = self.learner.merge(left.part("learner"), right.part("learner"))
        if self.metrics is None:
            return self._join(learner, Named())
        return self._join(learner, self.metrics.merge(left.part("metrics"), right.part("metrics")))

    def finish(self, summary: Named, model: Named | None = None) -> Fitted:
        weights = self.learner.finish(summary.part("learner"), model)
        measured = summary.part("metrics")
        if self.metrics is None or not self.metrics.has_rows(measured):
            return Fitted(weights, None)
        return Fitted(weights, self.metrics.finish(measured))

    def dump(self, state: FitState) -> Named:
        return self._join(
            self.learner.dump(state.learner),
            self.metrics.dump(state.metrics) if self.metrics else Named(),
        )

    def load(self, dumped: Named) -> FitState:
        metrics = self.metrics.load(dumped.part("metrics")) if self.metrics else None
        return FitState(self.learner.load(dumped.part("learner")), metrics)

    @staticmethod
    def _join(learner: Named, metrics: Named) -> Named:
        return learner.prefixed("learner") | metrics.prefixed("metrics")
