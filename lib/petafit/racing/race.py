"""The aggregator of a race: every candidate predicts a batch, then learns from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from petafit.aggregate.aggregator import Aggregator
from petafit.evaluation.metrics import Metrics, Scored
from petafit.features.encoding.batch import Batch
from petafit.learners.base import labels_of
from petafit.racing.lanes import Lane, Prediction
from petafit.racing.losses import LARGEST, PairedLosses
from petafit.store.arrays import StateDict


@dataclass
class RaceState:
    """A shard's progress.

    Attributes
    ----------
    lanes : list
        The state of each lane.
    losses : PairedLosses
    failed : dict of str to str
        The error of each candidate that failed, by its name.
    """

    lanes: list[Any]
    losses: PairedLosses
    failed: dict[str, str]


@dataclass(frozen=True)
class RaceResult:
    """The result of a pass.

    Attributes
    ----------
    models : StateDict
        The merged model of each candidate, under its number in the race.
    losses : PairedLosses
    failed : dict of str to str
        The error of each candidate that failed, by its name.
    """

    models: StateDict
    losses: PairedLosses
    failed: dict[str, str]


class Race(Aggregator[RaceState, Batch, RaceResult]):
    """Trains candidates on the same rows and compares their progressive losses.

    Parameters
    ----------
    lanes : sequence of Lane
    metrics : Metrics
        Measures the loss of a row.
    keeps_models : bool
        False: only losses are wanted, and summaries have no models.
    """

    exact = False

    def __init__(
        self, lanes: Sequence[Lane], metrics: Metrics, *, keeps_models: bool = True
    ) -> None:
        self.lanes, self.metrics, self.keeps_models = tuple(lanes), metrics, keeps_models
        self.candidates = tuple(each for lane in lanes for each in lane.candidates)
        self._places = [
            (number, at) for number, lane in enumerate(lanes) for at in range(len(lane.candidates))
        ]

    def start(self, model: StateDict | None = None) -> RaceState:
        given = [_model(model, number) for number in range(len(self.candidates))]
        states, first = [], 0
        for lane in self.lanes:
            states.append(lane.start(given[first : first + len(lane.candidates)]))
            first += len(lane.candidates)
        return RaceState(states, PairedLosses.none(len(given)), {})

    def reduce(self, state: RaceState, batch: Batch) -> RaceState:
        predictions: list[Prediction] = []
        for number, lane in enumerate(self.lanes):
            state.lanes[number], found = lane.progressive(state.lanes[number], batch)
            predictions += found
        for candidate, found_one in zip(self.candidates, predictions, strict=True):
            if isinstance(found_one, str):
                state.failed.setdefault(candidate.name, found_one)
        if all(each is not None for each in predictions):
            y = labels_of(batch, "search")
            losses = np.stack([self._losses(y, each) for each in predictions])
            state.losses += PairedLosses.of(losses, batch.weight)
        return state

    def _losses(self, y: np.ndarray, prediction: Prediction) -> np.ndarray:
        if not isinstance(prediction, np.ndarray):
            return np.full(len(y), LARGEST)
        losses = self.metrics.row_losses(Scored(y, prediction))
        return np.where(np.isnan(losses), LARGEST, losses)

    def lift(self, state: RaceState) -> StateDict:
        summary = state.losses.to_state_dict().prefixed("losses")
        summary = summary | StateDict(params={"failed": state.failed})
        if not self.keeps_models:
            return summary
        lifted = [
            each
            for lane, own in zip(self.lanes, state.lanes, strict=True)
            for each in lane.lift(own)
        ]
        for number, each in enumerate(lifted):
            summary = summary | each.prefixed(str(number))
        return summary

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        losses = [PairedLosses.from_state_dict(each.part("losses")) for each in (left, right)]
        summary = (losses[0] + losses[1]).to_state_dict().prefixed("losses")
        for number, (lane, at) in enumerate(self._places if self.keeps_models else ()):
            learner, name = self.lanes[lane].learner(at), str(number)
            merged = learner.merge(left.part(name), right.part(name))
            summary = summary | merged.prefixed(name)
        failed = {**right.params["failed"], **left.params["failed"]}
        return summary | StateDict(params={"failed": dict(sorted(failed.items()))})

    def finish(self, summary: StateDict, model: StateDict | None = None) -> RaceResult:
        models = StateDict()
        for number, (lane, at) in enumerate(self._places if self.keeps_models else ()):
            if self.candidates[number].name in summary.params["failed"]:
                continue
            learner, own = self.lanes[lane].learner(at), summary.part(str(number))
            made = learner.finish(own, _model(model, number))
            models = models | made.prefixed(str(number))
        losses = PairedLosses.from_state_dict(summary.part("losses"))
        return RaceResult(models, losses, summary.params["failed"])

    def progress(self, state: RaceState) -> float | None:
        return float(state.losses.means().min()) if state.losses.weight else None

    def dump(self, state: RaceState) -> StateDict:
        dumped = state.losses.to_state_dict().prefixed("losses")
        for number, (lane, own) in enumerate(zip(self.lanes, state.lanes, strict=True)):
            dumped = dumped | lane.dump(own).prefixed(f"lane{number}")
        return dumped | StateDict(params={"failed": dict(state.failed)})

    def load(self, dumped: StateDict) -> RaceState:
        states = [lane.load(dumped.part(f"lane{n}")) for n, lane in enumerate(self.lanes)]
        losses = PairedLosses.from_state_dict(dumped.part("losses"))
        return RaceState(states, losses, dict(dumped.params["failed"]))


def _model(models: StateDict | None, number: int) -> StateDict | None:
    """Return the model of a candidate; None without any."""
    model = StateDict() if models is None else models.part(str(number))
    return model if model.arrays or model.params else None
