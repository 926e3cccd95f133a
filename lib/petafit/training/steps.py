"""The two kinds of round, each one pass: shards that learn and merge, and a Newton step."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from petafit.aggregate.checked import Checked, NoGoodRowsError
from petafit.aggregate.engine import Keep, Outcome, Passes
from petafit.aggregate.law import Aggregator
from petafit.errors import ConfigurationError, EmptyInputError
from petafit.evaluation.metrics import Metrics
from petafit.features.batch import Batch
from petafit.features.instances import EncodedRows, Encoding
from petafit.learners.finite import diverged
from petafit.learners.full_batch import FullBatch
from petafit.learners.learner import Learner
from petafit.learners.multipliers import MergeFit
from petafit.learners.refinement import check_refinable, refined
from petafit.store.arrays import Named
from petafit.stream.batches import Source
from petafit.training.fit import Fit, learnt
from petafit.training.reserved import LearntRows, as_batch
from petafit.training.round import Round, Step
from petafit.training.standing import Standing


@dataclass(frozen=True)
class Steps:
    """Makes a round, or a part of it, of where training stands.

    Attributes
    ----------
    encoding : Encoding
        Makes of raw batches what the learner takes, and says which rows are put aside.
    keep : Keep or None
        Takes what the learner's shards have to say, and all of it merged, in each online round.
    """

    passes: Passes
    encoding: Encoding
    learner: Learner[Any]
    metrics: Metrics
    keep: Keep | None = None

    def take(self, at: Standing, planned: Round, source: Source, rows: int | None) -> Step:
        """The step that is planned; a part without good rows leaves the model as it is.

        Raises
        ------
        ConfigurationError
            The learner diverged: the model is no longer finite.
        """
        take = self._newton if planned.kind == "newton" else self._online
        step = take(at, planned, source, rows)
        spoilt = self.learner.first_not_finite(step.weights) if step.weights else None
        if spoilt:
            raise diverged(self.learner.name, spoilt)
        return step

    def _online(self, at: Standing, planned: Round, source: Source, rows: int | None) -> Step:
        """Fit the shards and merge them."""
        first = planned.number == 1
        fit = Fit(self.learner, self.metrics if first else None, collect=first)
        try:
            outcome = self._pass(
                planned,
                Checked(EncodedRows(), fit),
                source,
                at.weights,
                rows,
                keep=self._keep if self.keep else None,
            )
        except EmptyInputError:
            return Step(planned, at.weights)
        except NoGoodRowsError as error:
            bad = error.quarantined
            counts = {"in": bad, "used": 0, "quarantined": bad}
            return Step(replace(planned, rows=counts, example=error.example), at.weights)
        fitted, began = outcome.result.result, time.monotonic()
        aside = fitted.reserved if fitted.reserved.arrays else at.reserved
        weights, merged = self._merged(fitted.summary, at.weights, aside)
        done = _done(planned, outcome, began, merged)
        return Step(done, weights, fitted.reserved, fitted.measured)

    def _keep(self, summaries: Iterable[Named], merged: Named) -> None:
        assert self.keep is not None
        self.keep(map(learnt, summaries), learnt(merged))

    def _merged(
        self, summary: Named, start: Named | None, aside: Named
    ) -> tuple[Named, MergeFit | None]:
        if self.learner.stacks and aside.arrays and summary.params["shards"] > 1:
            return self.learner.stack(summary, start, self._batch(aside))
        return self.learner.finish(summary, start), None

    def _newton(self, at: Standing, planned: Round, source: Source, rows: int | None) -> Step:
        """Take a Newton step from the last model."""
        learner, start = check_refinable(self.learner), at.weights
        assert start is not None
        if not at.reserved.arrays:
            raise ConfigurationError(
                "`training.newton` has no rows to fit its steps to: none was put aside",
                hint="Set `training.newton: 0`, or raise `training.merge_rows`.",
            )
        full = Checked(LearntRows(), FullBatch(learner))
        outcome = self._pass(planned, full, source, start, rows)
        derivatives, began = outcome.result.result, time.monotonic()
        weights, fit = refined(
            learner, start, derivatives, self._batch(at.reserved), previous=at.before_newton
        )
        return Step(_done(planned, outcome, began, fit), weights)

    def _pass(
        self,
        planned: Round,
        aggregator: Aggregator[Any, Any, Any],
        source: Source,
        start: Named | None,
        rows: int | None,
        *,
        keep: Keep | None = None,
    ) -> Outcome[Any]:
        return self.passes.run(
            f"train {planned.title}",
            aggregator,
            source,
            start=start,
            through=self.encoding,
            rows=rows,
            keep=keep,
        )

    def _batch(self, aside: Named) -> Batch:
        return as_batch(aside, self.encoding.encoder.n_features)


def _done(planned: Round, outcome: Outcome[Any], began: float, fit: MergeFit | None) -> Round:
    """The round, as it was; what came after the pass began at `began`."""
    return replace(
        planned,
        rows=outcome.result.counts,
        example=outcome.result.example,
        seconds=outcome.seconds + time.monotonic() - began,
        held_back={"before": fit.before, "after": fit.after} if fit else None,
    )
