"""The loop of training: start, fit the shards, merge, check on the hold-out."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from petafit.aggregate.checked import require_good
from petafit.config.settings import Training
from petafit.errors import DivergedError, EmptyInputError
from petafit.evaluation.metrics import Figures
from petafit.store.arrays import StateDict
from petafit.stream.batches import Source, Tally
from petafit.training.round import Round, RoundFiles, Step
from petafit.training.state import Trained, TrainingState
from petafit.training.steps import Steps

log = logging.getLogger("petafit")


@dataclass(frozen=True)
class TrainingLoop:
    """Trains a learner in rounds over the same shards.

    Every finished round is kept in the run folder, so that a killed run goes on from there.

    Attributes
    ----------
    max_bad_share : float
        The share of rows that may break the contract.
    validate : callable or None
        Metrics of merged weights on the validation rows. Training stops when they have not become
        better for ``training.patience`` rounds, and the best round wins. Without it the loss on the
        holdout rows decides, where there are any; Newton rounds need one or the other.
    """

    steps: Steps
    training: Training
    max_bad_share: float
    validate: Callable[[StateDict], Figures] | None = None

    def run(self, whole: Source, first: Sequence[Source], *, rows: int | None) -> Trained:
        """Train on rows of which there are about so many.

        A round that diverges is worse than any other: the best before it stands.

        Parameters
        ----------
        whole : Source
            All rows.
        first : sequence of Source
            The parts in which the first round takes them.

        Raises
        ------
        DivergedError
            The first round diverged, the loss of every round is NaN or infinite, or that of the
            training rows is and no other rows judged a round.
        ContractError
            Too many rows break the contract.
        EmptyInputError
            There are no rows.
        """
        steps, at = self.steps, TrainingState()
        files = RoundFiles(steps.passes.folder.child("rounds"), steps.passes.inputs)
        for planned, source in self._plan(at, whole, first):
            step = files.find(planned, check=steps.learner.check)
            try:
                if step is None:
                    take = steps.newton if planned.kind == "newton" else steps.fit_shards
                    step = self._validated(take(at, planned, source, rows))
                    files.keep(step, last=planned.number == self._most_rounds)
            except DivergedError as error:
                at.stop_at(planned, error)
                continue
            _log_figures(step.done)
            at.add(step)
            if planned.is_whole:
                self._check(at)
        progressive = None
        if at.measured:
            progressive = steps.metrics.finish(reduce(steps.metrics.merge, at.measured))
            at.require_finite(steps.metrics.loss(progressive))
        return Trained(at.best_weights, at.best_round, tuple(at.rounds), progressive)

    def _plan(
        self, at: TrainingState, whole: Source, first: Sequence[Source]
    ) -> Iterator[tuple[Round, Source]]:
        """The next round and its rows, as long as the last rounds made the model better.

        Online rounds come first, then Newton rounds, which begin with the best model of these.
        """
        patience = self.training.patience
        for part, source in enumerate(first, start=1):
            yield Round(1, part, len(first)), source
        while at.last < self.training.rounds and at.improves(patience):
            yield Round(at.last + 1, 1, 1), whole
        at.require_best()
        if self.training.newton:
            loss = None if self.validate else self.steps.judged(at.best_weights, at.holdout)
            at.begin_newton(loss)
            most = at.last + self.training.newton
            while at.last < most and at.improves(patience):
                yield Round(at.last + 1, 1, 1, "newton"), whole

    @property
    def _most_rounds(self) -> int:
        return self.training.rounds + self.training.newton

    def _validated(self, step: Step) -> Step:
        """Add the metrics of a whole round's model on the validation rows, where there are any."""
        if not (self.validate and step.done.is_whole and step.weights is not None):
            return step
        return replace(step, done=replace(step.done, validation=self.validate(step.weights)))

    def _check(self, at: TrainingState) -> None:
        """Check the rows of a whole round: bad ones may lie close together. Judge its model."""
        parts = [done for done in at.rounds if done.number == at.last]
        _check_counts(parts)
        used, bad = (sum(done.rows[kind] for done in parts) for kind in ("used", "quarantined"))
        example = next((done.example for done in parts if done.example), None)
        require_good(used, bad, example, self.max_bad_share)
        if at.weights is None:
            raise EmptyInputError(
                "No rows to train",
                hint="Check `table.filter` and `split` against what the table holds.",
            )
        at.judge(self.loss(parts[-1]))

    def loss(self, done: Round) -> float | None:
        """The loss that judges a round; None where nothing does: then the last is the best."""
        if done.validation is not None:
            return self.steps.metrics.loss(done.validation)
        return done.merge_holdout["after"] if done.merge_holdout else None


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


def _log_figures(done: Round) -> None:
    objective = None if done.objective is None else {"before": done.objective}
    named = {
        "objective": objective,
        "held back": done.merge_holdout,
        "validation": done.validation,
    }
    for name, figures in named.items():
        if figures:
            numbers = " ".join(f"{k}={v:.5g}" for k, v in figures.items() if v is not None)
            log.info("%s %s %s", done.title, name, numbers)
