"""One learner over encoded batches: predict before the update, learn, measure."""

from dataclasses import dataclass, field
from typing import Any

from petafit.aggregate.aggregator import Aggregator
from petafit.evaluation.metrics import Metrics, Scored
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner, labels_of
from petafit.store.arrays import StateDict
from petafit.training.merge_holdout import taken_from, together


@dataclass
class FitState:
    """The learner's state, the metrics of its predictions before each update, rows put aside."""

    learner: Any
    metrics: Any
    reserved: list[StateDict] = field(default_factory=list)


@dataclass(frozen=True)
class Fitted:
    """What the shards of a round have to say together.

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


class FitShard(Aggregator[FitState, Batch, Fitted]):
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
        # What is predicted before an update depends on what the shard has learnt by then.
        self.exact = learner.exact and metrics is None

    def start(self, model: StateDict | None = None) -> FitState:
        return FitState(self.learner.start(model), self.metrics.start() if self.metrics else None)

    def reduce(self, state: FitState, batch: Batch) -> FitState:
        batch, aside = taken_from(batch)
        if aside.arrays and self.collect:
            state.reserved.append(aside)
        if self.metrics is None:
            learner = self.learner.reduce(state.learner, batch)
            return FitState(learner, None, state.reserved)
        learner, predictions = self.learner.progressive(state.learner, batch)
        if predictions is None:
            return FitState(learner, state.metrics, state.reserved)
        scored = Scored(labels_of(batch, self.learner.name), predictions, batch.weight)
        return FitState(learner, self.metrics.reduce(state.metrics, scored), state.reserved)

    def progress(self, state: FitState) -> float | None:
        return self.metrics.progress(state.metrics) if self.metrics else None

    def lift(self, state: FitState) -> StateDict:
        return _join(
            self.learner.lift(state.learner),
            self.metrics.lift(state.metrics) if self.metrics else StateDict(),
            together(state.reserved),
        )

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        ours, theirs = _parts(left), _parts(right)
        return _join(
            self.learner.merge(ours[0], theirs[0]),
            self.metrics.merge(ours[1], theirs[1]) if self.metrics else StateDict(),
            together([ours[2], theirs[2]]),
        )

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Fitted:
        learner, measured, reserved = _parts(summary)
        has_rows = self.metrics is not None and self.metrics.has_rows(measured)
        return Fitted(learner, reserved, measured if has_rows else None)

    def dump(self, state: FitState) -> StateDict:
        return _join(
            self.learner.dump(state.learner),
            self.metrics.dump(state.metrics) if self.metrics else StateDict(),
            together(state.reserved),
        )

    def load(self, dumped: StateDict) -> FitState:
        learner, metrics, reserved = _parts(dumped)
        return FitState(
            self.learner.load(learner),
            self.metrics.load(metrics) if self.metrics else None,
            [reserved] if reserved.arrays else [],
        )


def learnt(summary: StateDict) -> StateDict:
    """The learner's own summary, of the summary of a `FitShard` behind the data contract."""
    return _parts(summary.part("inner"))[0]


def _join(learner: StateDict, metrics: StateDict, reserved: StateDict) -> StateDict:
    return learner.prefixed("learner") | metrics.prefixed("metrics") | reserved.prefixed("reserved")


def _parts(joined: StateDict) -> tuple[StateDict, StateDict, StateDict]:
    return joined.part("learner"), joined.part("metrics"), joined.part("reserved")
