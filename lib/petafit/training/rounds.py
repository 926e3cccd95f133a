"""The rounds of training: start → fit the shards → merge → check on the hold-out."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from petafit.aggregate.checked import Checked
from petafit.aggregate.engine import Passes
from petafit.config.settings import Training
from petafit.evaluation.metrics import Figures, Metrics
from petafit.features.instances import EncodedRows, Encoding
from petafit.learners.learner import Learner
from petafit.store.arrays import Named, from_bytes, to_bytes
from petafit.stream.batches import Source
from petafit.training.fit import Fit

log = logging.getLogger("petafit")


@dataclass(frozen=True)
class Round:
    """One finished round.

    Attributes
    ----------
    number : int
        From 1.
    rows : dict
        Rows ``in``, ``used`` and ``quarantined``.
    seconds : float
        Of the pass over the training rows, merging included.
    progressive : dict or None
        Metrics of the predictions before each update; of the first round only.
    validation : dict or None
        Metrics of the merged model on the validation rows, where there are any.
    """

    number: int
    rows: dict[str, int]
    seconds: float
    progressive: Figures | None
    validation: Figures | None


@dataclass(frozen=True)
class Trained:
    """The best round's weights, and all rounds."""

    weights: Named
    best: Round
    rounds: tuple[Round, ...]

    @property
    def rows_per_second(self) -> float:
        """Rows learned from per second, merging and synchronising included."""
        rows, seconds = (
            sum(done.rows["used"] for done in self.rounds),
            sum(done.seconds for done in self.rounds),
        )
        return rows / max(seconds, 1e-9)


@dataclass(frozen=True)
class Rounds:
    """Trains a learner in rounds over the same shards.

    Every finished round is kept in the run folder, so that a killed run goes on from there.

    Attributes
    ----------
    encoding : Encoding
        Makes of raw batches what the learner takes.
    max_bad_share : float
        The share of rows that may break the contract.
    validate : callable or None
        Metrics of merged weights on the validation rows. With it, training stops when they have
        not become better for ``training.patience`` rounds, and the best round wins.
    """

    passes: Passes
    encoding: Encoding
    learner: Learner[Any]
    metrics: Metrics
    training: Training
    max_bad_share: float
    validate: Callable[[Named], Figures] | None = None

    def run(self, source: Source, *, rows: int | None) -> Trained:
        """Train on a source that has about this many rows.

        Raises
        ------
        ContractError
            Too many rows break the contract.
        """
        weights: Named | None = None
        best: Trained | None = None
        finished: tuple[Round, ...] = ()
        for number in range(1, self.training.rounds + 1):
            weights, done = self._kept(number) or self._fit(number, source, weights, rows)
            finished = (*finished, done)
            if best is None or self._is_better(done, best.best):
                best = Trained(weights, done, finished)
            best = replace(best, rounds=finished)
            if number - best.best.number >= self.training.patience:
                break
        assert best is not None
        return best

    def _fit(
        self, number: int, source: Source, start: Named | None, rows: int | None
    ) -> tuple[Named, Round]:
        fit = Fit(self.learner, self.metrics if number == 1 else None)
        outcome = self.passes.run(
            f"train round {number}",
            Checked(EncodedRows(), fit),
            source,
            start=start,
            through=self.encoding,
            rows=rows,
        )
        fitted = outcome.result.require(self.max_bad_share)
        validation = self.validate(fitted.weights) if self.validate else None
        done = Round(number, outcome.result.counts, outcome.seconds, fitted.progressive, validation)
        if number == 1 and done.progressive is None:
            log.info("no progressive metrics: %s predicted no batch", self.learner.name)
        for name, figures in (("progressive", done.progressive), ("validation", validation)):
            if figures:
                told = " ".join(f"{k}={v:.5g}" for k, v in figures.items() if v is not None)
                log.info("round %d %s %s", number, name, told)
        self._keep(fitted.weights, done)
        return fitted.weights, done

    def _is_better(self, done: Round, best: Round) -> bool:
        """Without validation rows the last round is the best."""
        if done.validation is None or best.validation is None:
            return True
        loss, least = map(self.metrics.loss, (done.validation, best.validation))
        return loss is None or least is None or loss < least

    def _keep(self, weights: Named, done: Round) -> None:
        told = {"round": asdict(done), "inputs": self.passes.inputs}
        content = Named(params=told) | weights.prefixed("weights")
        self.passes.folder.child("rounds").write(_file(done.number), to_bytes(content))

    def _kept(self, number: int) -> tuple[Named, Round] | None:
        """A round that an earlier attempt of this run finished, with the same code."""
        folder = self.passes.folder.child("rounds")
        if not folder.exists(_file(number)):
            return None
        kept = from_bytes(folder.read(_file(number)))
        if kept.params["inputs"] != self.passes.inputs:
            return None
        log.info("round %d was finished by an earlier attempt of this run", number)
        return kept.part("weights"), Round(**kept.params["round"])


def _file(number: int) -> str:
    return f"round-{number:03d}.npz"
