"""The rounds of training: start → fit the shards → merge → check on the hold-out."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from petafit.aggregate.checked import require_good
from petafit.config.settings import Training
from petafit.errors import DivergedError, EmptyInputError, StorageError
from petafit.evaluation.metrics import Figures
from petafit.store.arrays import StateDict, from_bytes, to_pieces
from petafit.store.filesystem import Folder
from petafit.stream.batches import Source
from petafit.stream.tally import Tally
from petafit.training.merge_holdout import NOTHING
from petafit.training.round import Kind, Round, Step
from petafit.training.state import Trained, TrainingState
from petafit.training.steps import Steps

log = logging.getLogger("petafit")


@dataclass(frozen=True)
class Rounds:
    """Trains a learner in rounds over the same shards.

    Every finished round is kept in the run folder, so that a killed run goes on from there.

    Attributes
    ----------
    max_bad_share : float
        The share of rows that may break the contract.
    validate : callable or None
        Metrics of merged weights on the validation rows. Training stops when they have not become
        better for ``training.patience`` rounds, and the best round wins. Without it the loss on the
        rows put aside decides, where there are any; Newton rounds need one or the other.
    """

    steps: Steps
    training: Training
    max_bad_share: float
    validate: Callable[[StateDict], Figures] | None = None

    def run(self, whole: Source, first: Sequence[Source], *, rows: int | None) -> Trained:
        """Train on rows of which there are about so many.

        Parameters
        ----------
        whole : Source
            All rows.
        first : sequence of Source
            The parts in which the first round takes them.

        Raises
        ------
        DivergedError
            The first round diverged, or the loss of every round is NaN or infinite.
        ContractError
            Too many rows break the contract.
        EmptyInputError
            There are no rows.
        """
        at = TrainingState()
        for number in range(1, self.training.rounds + 1):
            if not self._go_on(at, number, first if number == 1 else [whole], rows):
                break
        at.require_best()
        if self.training.newton:
            judged = self.steps.judged(at.best_weights, at.reserved) if not self.validate else None
            at.begin_newton(judged)
        for number in range(at.last + 1, at.last + 1 + self.training.newton):
            if not self._go_on(at, number, [whole], rows, kind="newton"):
                break
        progressive = None
        if at.measured:
            metrics = self.steps.metrics
            progressive = metrics.finish(reduce(metrics.merge, at.measured))
        return Trained(at.best_weights, at.best_round, tuple(at.rounds), progressive)

    def _go_on(
        self,
        at: TrainingState,
        number: int,
        given: Sequence[Source],
        rows: int | None,
        kind: Kind = "online",
    ) -> bool:
        """One round, in the parts given; whether another may bring something.

        A round that diverges is worse than any other: the best before it stands.
        """
        try:
            for part, source in enumerate(given, start=1):
                at.add(self._step(at, Round(number, part, len(given), kind), source, rows))
        except DivergedError as error:
            if not at.best_round.number:
                raise
            log.warning("round %d: %s. Round %d stands", number, error, at.best_round.number)
            return False
        parts = [done for done in at.rounds if done.number == number]
        _check_counts(parts)
        self._check_rows(parts)
        if at.weights is None:
            raise EmptyInputError(
                "No rows to train",
                hint="Check `table.filter` and `split` against what the table holds.",
            )
        at.judge(self._loss(at.rounds[-1]))
        return at.without_gain < self.training.patience

    def _step(self, at: TrainingState, planned: Round, source: Source, rows: int | None) -> Step:
        """One round, or a part of it, unless an earlier attempt has made it."""
        step = self._kept(planned)
        if step is None:
            step = self.steps.take(at, planned, source, rows)
            if planned.is_whole and self.validate and step.weights is not None:
                validation = self.validate(step.weights)
                step = replace(step, done=replace(step.done, validation=validation))
            self._keep(step)
        _tell(step.done)
        return step

    def _check_rows(self, parts: Sequence[Round]) -> None:
        """Hold a whole round against the limit: bad rows may lie close together."""
        used, bad = (sum(done.rows[kind] for done in parts) for kind in ("used", "quarantined"))
        example = next((done.example for done in parts if done.example), None)
        require_good(used, bad, example, self.max_bad_share)

    def _loss(self, done: Round) -> float | None:
        """What a round is judged by; None where there is nothing: then the last is the best."""
        if done.validation is not None:
            return self.steps.metrics.loss(done.validation)
        return done.merge_holdout["after"] if done.merge_holdout else None

    @property
    def _folder(self) -> Folder:
        return self.steps.passes.folder.child("rounds")

    def _keep(self, step: Step) -> None:
        """Keep a round for a later attempt; the rows put aside, only if more rounds may follow."""
        last = step.done.number == self.training.rounds + self.training.newton
        if last and step.done.is_whole:
            step = replace(step, reserved=NOTHING)
        told = StateDict(params={"inputs": self.steps.passes.inputs})
        self._folder.write(_file(step.done), to_pieces(step.to_state_dict() | told))

    def _kept(self, planned: Round) -> Step | None:
        """A round that an earlier attempt of this run finished, with the same code."""
        if not self._folder.exists(_file(planned)):
            return None
        name = _file(planned)
        try:
            kept = from_bytes(self._folder.read(name))
            if kept.params["inputs"] != self.steps.passes.inputs:
                return None
            step = Step.from_state_dict(kept)
            if step.weights is not None:
                self.steps.learner.check(step.weights)
        except (StorageError, KeyError, TypeError, ValueError):
            log.warning("%s/%s is damaged: %s is made anew", self._folder.uri, name, planned.title)
            return None
        log.info("%s was finished by an earlier attempt of this run", planned.title)
        return step


def _check_counts(parts: Sequence[Round]) -> None:
    """Hold the rows that all parts have read against what the table promises.

    Raises
    ------
    StorageError
        There were more or fewer.
    """
    tallies = [Tally(**done.tally) for done in parts if done.tally]
    if len(tallies) == len(parts) > 1:
        sum(tallies, Tally()).require_equal(f"train round {parts[0].number}")


def _tell(done: Round) -> None:
    objective = None if done.objective is None else {"before": done.objective}
    told = (("held back", done.merge_holdout), ("validation", done.validation))
    for name, figures in (("objective", objective), *told):
        if figures:
            numbers = " ".join(f"{k}={v:.5g}" for k, v in figures.items() if v is not None)
            log.info("%s %s %s", done.title, name, numbers)


def _file(planned: Round) -> str:
    return f"round-{planned.number:03d}-{planned.part:02d}.npz"
