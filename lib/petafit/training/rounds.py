"""The rounds of training: start → fit the shards → merge → check on the hold-out."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from petafit.aggregate.checked import Checked, require_good
from petafit.aggregate.engine import Passes
from petafit.config.settings import Training
from petafit.errors import EmptyInputError
from petafit.evaluation.metrics import Figures, Metrics
from petafit.features.instances import EncodedRows, Encoding
from petafit.learners.full_batch import FullBatch
from petafit.learners.learner import Learner
from petafit.learners.refinement import check_refinable, refined
from petafit.store.arrays import Named, from_bytes, to_bytes
from petafit.store.filesystem import Folder
from petafit.stream.batches import Source
from petafit.training.fit import Fit
from petafit.training.reserved import NOTHING, LearntRows, as_batch
from petafit.training.round import Kind, Round, Step

log = logging.getLogger("petafit")

Validate = Callable[[Named], Figures]


@dataclass(frozen=True)
class Trained:
    """The best round's weights, and all rounds.

    Attributes
    ----------
    progressive : dict or None
        Metrics of the predictions of the first round, each made before its row was learnt from, by
        the shards' own models; None where there were none.
    """

    weights: Named
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
class _Standing:
    """Where training has come to."""

    weights: Named | None = None
    reserved: Named = NOTHING
    measured: list[Named] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    best_weights: Named = NOTHING
    best_round: Round = field(default_factory=lambda: Round(0, 1, 1))
    least: float | None = None
    before_newton: np.ndarray | None = None

    @property
    def last(self) -> int:
        """The number of the last round."""
        return self.rounds[-1].number

    @property
    def without_gain(self) -> int:
        """Rounds since the best one."""
        return self.last - self.best_round.number

    def add(self, step: Step) -> None:
        """Go on from a step."""
        if step.done.kind == "newton" and self.weights is not None:
            self.before_newton = self.weights.arrays["weights"]
        self.weights = step.weights
        if step.reserved.arrays:
            self.reserved = step.reserved
        self.rounds.append(step.done)
        if step.measured is not None:
            self.measured.append(step.measured)

    def judge(self, loss: float | None) -> None:
        """Take the last round for the best, unless an earlier one had a lower loss."""
        assert self.weights is not None
        if loss is None or self.least is None or loss < self.least:
            self.best_weights, self.best_round, self.least = self.weights, self.rounds[-1], loss


@dataclass(frozen=True)
class Rounds:
    """Trains a learner in rounds over the same shards.

    Every finished round is kept in the run folder, so that a killed run goes on from there.

    Attributes
    ----------
    encoding : Encoding
        Makes of raw batches what the learner takes, and says which rows are put aside.
    max_bad_share : float
        The share of rows that may break the contract.
    validate : callable or None
        Metrics of merged weights on the validation rows. Training stops when they have not become
        better for ``training.patience`` rounds, and the best round wins. Without it the loss on the
        rows put aside decides, where there are any.
    """

    passes: Passes
    encoding: Encoding
    learner: Learner[Any]
    metrics: Metrics
    training: Training
    max_bad_share: float
    validate: Validate | None = None

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
        ContractError
            Too many rows break the contract.
        EmptyInputError
            There are no rows.
        """
        at = _Standing()
        for number in range(1, self.training.rounds + 1):
            self._go_on(at, number, first if number == 1 else [whole], rows)
            if at.without_gain >= self.training.patience:
                break
        for number in range(at.last + 1, at.last + 1 + self.training.newton):
            self._go_on(at, number, [whole], rows, kind="newton")
            if at.without_gain >= self.training.patience:
                break
        progressive = None
        if at.measured:
            progressive = self.metrics.finish(reduce(self.metrics.merge, at.measured))
        return Trained(at.best_weights, at.best_round, tuple(at.rounds), progressive)

    def _go_on(
        self,
        at: "_Standing",
        number: int,
        given: Sequence[Source],
        rows: int | None,
        kind: Kind = "online",
    ) -> None:
        """One round, in the parts given."""
        for part, source in enumerate(given, start=1):
            step = self._step(at, Round(number, part, len(given), kind), source, rows)
            if step:
                at.add(step)
        if at.weights is None:
            raise EmptyInputError(
                "No rows to train",
                hint="Check `table.filter` and `split` against what the table holds.",
            )
        self._check_rows([done for done in at.rounds if done.number == number])
        at.judge(self._loss(at.rounds[-1]))

    def _check_rows(self, parts: Sequence[Round]) -> None:
        """Hold a whole round against the limit: bad rows may lie close together."""
        used, bad = (sum(done.rows[kind] for done in parts) for kind in ("used", "quarantined"))
        example = next((done.example for done in parts if done.example), None)
        require_good(used, bad, example, self.max_bad_share)

    def _step(
        self, at: "_Standing", planned: Round, source: Source, rows: int | None
    ) -> Step | None:
        """One round, or a part of it; None for a part without rows that has nothing before it."""
        step = self._kept(planned)
        if step is None:
            work = self._merged if planned.kind == "online" else self._refined
            step = work(at, planned, source, rows)
            if step is None:
                return None
            if planned.is_whole and self.validate:
                validation = self.validate(step.weights)
                step = replace(step, done=replace(step.done, validation=validation))
            self._folder.write(_file(planned), to_bytes(self._with_inputs(step.to_named())))
        self._tell(step.done)
        return step

    def _merged(
        self, at: "_Standing", planned: Round, source: Source, rows: int | None
    ) -> Step | None:
        """Fit the shards and merge them."""
        first = planned.number == 1
        fit = Fit(self.learner, self.metrics if first else None, collect=first)
        try:
            outcome = self.passes.run(
                f"train {planned.title}",
                Checked(EncodedRows(), fit),
                source,
                start=at.weights,
                through=self.encoding,
                rows=rows,
            )
        except EmptyInputError:
            return None if at.weights is None else Step(planned, at.weights)
        fitted, began = outcome.result.result, time.monotonic()
        reserved = fitted.reserved if fitted.reserved.arrays else at.reserved
        weights, held_back = self._merge(fitted.summary, at.weights, reserved)
        done = replace(
            planned,
            rows=outcome.result.counts,
            example=outcome.result.example,
            seconds=outcome.seconds + time.monotonic() - began,
            held_back=held_back,
        )
        return Step(done, weights, fitted.reserved, fitted.measured)

    def _refined(self, at: "_Standing", planned: Round, source: Source, rows: int | None) -> Step:
        """Take a Newton step from the last model."""
        learner, start = check_refinable(self.learner), at.weights
        assert start is not None
        outcome = self.passes.run(
            f"train {planned.title}",
            Checked(LearntRows(), FullBatch(learner)),
            source,
            start=start,
            through=self.encoding,
            rows=rows,
        )
        aside, began = as_batch(at.reserved, self.encoding.encoder.n_features), time.monotonic()
        weights, fit = refined(
            learner, start, outcome.result.result, aside, previous=at.before_newton
        )
        done = replace(
            planned,
            rows=outcome.result.counts,
            example=outcome.result.example,
            seconds=outcome.seconds + time.monotonic() - began,
            held_back={"before": fit.before, "after": fit.after},
        )
        return Step(done, weights)

    def _merge(
        self, summary: Named, start: Named | None, reserved: Named
    ) -> tuple[Named, dict[str, float] | None]:
        if not (self.learner.stacks and reserved.arrays and summary.params["shards"] > 1):
            return self.learner.finish(summary, start), None
        rows = as_batch(reserved, self.encoding.encoder.n_features)
        weights, fit = self.learner.stack(summary, start, rows)
        return weights, {"before": fit.before, "after": fit.after}

    def _loss(self, done: Round) -> float | None:
        """What a round is judged by; None where there is nothing: then the last is the best."""
        if done.validation is not None:
            return self.metrics.loss(done.validation)
        return done.held_back["after"] if done.held_back else None

    def _tell(self, done: Round) -> None:
        for name, figures in (("held back", done.held_back), ("validation", done.validation)):
            if figures:
                told = " ".join(f"{k}={v:.5g}" for k, v in figures.items() if v is not None)
                log.info("%s %s %s", done.title, name, told)

    @property
    def _folder(self) -> Folder:
        return self.passes.folder.child("rounds")

    def _with_inputs(self, step: Named) -> Named:
        return step | Named(params={"inputs": self.passes.inputs})

    def _kept(self, planned: Round) -> Step | None:
        """A round that an earlier attempt of this run finished, with the same code."""
        if not self._folder.exists(_file(planned)):
            return None
        kept = from_bytes(self._folder.read(_file(planned)))
        if kept.params["inputs"] != self.passes.inputs:
            return None
        log.info("%s was finished by an earlier attempt of this run", planned.title)
        return Step.from_named(kept)


def _file(planned: Round) -> str:
    return f"round-{planned.number:03d}-{planned.part:02d}.npz"
