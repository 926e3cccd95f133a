"""The state of training after its last round, and its result in the end."""

import logging
from dataclasses import dataclass, field

import numpy as np

from petafit.errors import DivergedError
from petafit.evaluation.metrics import Figures
from petafit.learners.online.newton.lbfgs import Point, with_newest
from petafit.store.arrays import StateDict
from petafit.training.merge_holdout import NOTHING
from petafit.training.round import Round, Step

log = logging.getLogger("petafit")


@dataclass(frozen=True)
class Trained:
    """The best round's weights, and all rounds.

    Attributes
    ----------
    progressive : dict or None
        Metrics of the predictions of the first round, each made before its row was learnt from, by
        the shards' own models; None where there were none.
    """

    weights: StateDict
    best: Round
    rounds: tuple[Round, ...]
    progressive: Figures | None

    @property
    def rows(self) -> dict[str, int]:
        """The rows of the first round."""
        parts = [done.rows for done in self.rounds if done.number == 1]
        return {name: sum(part[name] for part in parts) for name in parts[0]}

    @property
    def seconds(self) -> dict[int, float]:
        """Of every round."""
        spent: dict[int, float] = {}
        for done in self.rounds:
            spent[done.number] = spent.get(done.number, 0.0) + done.seconds
        return spent

    @property
    def rows_per_second(self) -> float:
        """Rows learned from per second, merging and synchronising included."""
        rows = sum(done.rows["used"] for done in self.rounds)
        return rows / max(sum(self.seconds.values()), 1e-9)


@dataclass
class TrainingState:
    """The state of training after its last round.

    Attributes
    ----------
    weights : StateDict or None
        The last model.
    holdout : StateDict
        The newest holdout rows: see `petafit.training.merge_holdout`.
    measured : list of StateDict
        Summaries of the metrics of the predictions before each update, part by part.
    best_weights, best_round : StateDict, Round
        Those of the lowest loss so far.
    points : tuple of Point
        Points at which Newton rounds have measured the objective, each lower than all before.
    block : bool
        The next Newton round measures a block of second derivatives: there is none that holds.
    began_newton : int
        The last round before the Newton rounds; 0 before those.
    stopped : bool
        The last round diverged: no further one of its kind can be better.
    """

    weights: StateDict | None = None
    holdout: StateDict = NOTHING
    measured: list[StateDict] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    best_weights: StateDict = NOTHING
    best_round: Round = field(default_factory=lambda: Round(0, 1, 1))
    least: float | None = None
    points: tuple[Point, ...] = ()
    block: bool = True
    began_newton: int = 0
    stopped: bool = False

    @property
    def last(self) -> int:
        """The number of the last round."""
        return self.rounds[-1].number

    def improves(self, patience: int) -> bool:
        """Another round may be better: so many have not gone by since the best one.

        Newton rounds are counted anew.
        """
        without_gain = self.last - max(self.best_round.number, self.began_newton)
        return not self.stopped and without_gain < patience

    def begin_newton(self, loss: float | None) -> None:
        """Go on from the best round, whose loss is now this if Newton rounds are judged otherwise.

        Online rounds without validation rows are judged by those to which merges were fitted.
        """
        self.weights, self.began_newton, self.stopped = self.best_weights, self.last, False
        if loss is not None:
            self.least = loss

    def add(self, step: Step) -> None:
        """Go on from a step."""
        self.weights = step.weights
        self.block = not step.point.arrays
        if step.point.arrays:
            self.points = with_newest(self.points, Point.from_state_dict(step.point))
        if step.holdout.arrays:
            self.holdout = step.holdout
        if step.measured is not None:
            self.measured.append(step.measured)
        self.rounds.append(step.done)

    def judge(self, loss: float | None) -> None:
        """Take the last round for the best, unless an earlier one had a lower loss.

        None says nothing: the last round is then the best, unless it is a Newton round. One whose
        loss is not finite never is.
        """
        assert self.weights is not None
        if loss is None and self.began_newton:
            return
        if loss is not None and not np.isfinite(loss):
            return
        if loss is None or self.least is None or loss < self.least:
            self.best_weights, self.best_round, self.least = self.weights, self.rounds[-1], loss

    def stop_at(self, planned: Round, error: DivergedError) -> None:
        """Leave out a round that diverged; the error itself where no round came before it."""
        if not self.best_round.number:
            raise error
        log.warning("round %d: %s. Round %d stands", planned.number, error, self.best_round.number)
        self.stopped = True

    def require_best(self) -> None:
        """Refuse a training that has no best round.

        Raises
        ------
        DivergedError
            The loss of every round is NaN or infinite.
        """
        if not self.best_round.number:
            raise _diverged("no round has a loss that is a finite number")

    def require_finite(self, loss: float | None) -> None:
        """Refuse an infinite loss on the rows trained on, where no other rows have judged a round.

        Raises
        ------
        DivergedError
            The loss is NaN or infinite.
        """
        if self.least is None and loss is not None and not np.isfinite(loss):
            raise _diverged("its loss on the rows it was trained on is no finite number")


def _diverged(how: str) -> DivergedError:
    return DivergedError(
        f"The learner diverged: {how}",
        hint="Scale the numeric features (`scale: standard`) and the label, or lower its learning "
        "rate.",
    )
