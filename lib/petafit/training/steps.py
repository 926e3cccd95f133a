"""The two kinds of round, each one pass: fit the shards and merge, or one step by all rows."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from petafit.aggregate.aggregator import Composite
from petafit.aggregate.checked import Checked, NoGoodRowsError
from petafit.aggregate.engine import Keep, Outcome, Passes
from petafit.errors import ConfigurationError, EmptyInputError
from petafit.evaluation.metrics import Metrics, Scored
from petafit.features.encoding.batch import Batch
from petafit.features.instances import EncodedRows, Encoding
from petafit.learners.arrays import diverged
from petafit.learners.base import Learner, MergeFit, labels_of
from petafit.learners.online.newton.derivatives import FullBatch
from petafit.learners.online.newton.step import check_refinable, mean_loss, refined, start_of
from petafit.store.arrays import StateDict
from petafit.stream.batches import Source
from petafit.training.merge_holdout import (
    NOTHING,
    CollectHoldout,
    LearntRows,
    as_batch,
    count,
    halves,
    taken_from,
)
from petafit.training.round import Round, Step
from petafit.training.state import TrainingState


@dataclass(frozen=True)
class Fitted:
    """The merged summary of a round's shards.

    Attributes
    ----------
    summary : StateDict
        The learner's; its `finish` or `stack` makes a model of it.
    holdout : StateDict
        Rows that were held out: see `petafit.training.merge_holdout`.
    measured : StateDict or None
        Summary of the metrics of predictions made for every batch before learning from it, by the
        shards' own models; None where they were not asked for, or where there were none.
    """

    summary: StateDict
    holdout: StateDict
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
        Hand on the rows that are held out, and not only leave them out.
    """

    def __init__(
        self, learner: Learner[Any], metrics: Metrics | None, *, collect: bool = True
    ) -> None:
        self.learner = learner
        self.metrics = metrics
        self.collect = collect
        self.holdout = CollectHoldout()
        measured = {"metrics": metrics} if metrics else {}
        super().__init__({"learner": learner, **measured, "holdout": self.holdout})
        # What is predicted before an update depends on what the shard has learnt by then.
        self.exact = learner.exact and metrics is None

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        measured = {"metrics": self.metrics.start()} if self.metrics else {}
        return {"learner": self.learner.start(model), **measured, "holdout": self.holdout.start()}

    def reduce(self, state: dict[str, Any], batch: Batch) -> dict[str, Any]:
        batch, held_out = taken_from(batch)
        if self.collect:
            state["holdout"] = self.holdout.reduce(state["holdout"], held_out)
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
        learner, holdout = summary.part("learner"), summary.part("holdout")
        return Fitted(learner, holdout, measured if has_rows else None)


def learnt(summary: StateDict) -> StateDict:
    """The learner's own summary, of the summary of a `FitShard` behind the data contract."""
    return summary.part("inner").part("learner")


@dataclass(frozen=True)
class Steps:
    """Makes a round, or a part of it, of the state of training.

    Attributes
    ----------
    encoding : Encoding
        Makes of raw batches what the learner takes, and says which rows are held out.
    keep : Keep or None
        Takes the learner's summaries of all shards, and all of them merged, in each online round.
    holdout_judges : bool
        Half of the holdout rows judge the Newton rounds: no merge is fitted to them. Otherwise
        Newton rounds learn from all rows.
    """

    passes: Passes
    encoding: Encoding
    learner: Learner[Any]
    metrics: Metrics
    keep: Keep | None = None
    holdout_judges: bool = False

    def fit_shards(
        self, at: TrainingState, planned: Round, source: Source, rows: int | None
    ) -> Step:
        """Fit the learner to every shard, and merge; without good rows the model stays as it is.

        Raises
        ------
        DivergedError
            The model is no longer finite.
        """
        first = planned.number == 1
        fit = FitShard(self.learner, self.metrics if first else None, collect=first)
        try:
            outcome = self.passes.run(
                f"train {planned.title}",
                Checked(EncodedRows(), fit),
                source,
                start=at.weights,
                through=self.encoding,
                rows=rows,
                keep=self._keep if self.keep else None,
            )
        except EmptyInputError:
            return Step(planned, at.weights)
        except NoGoodRowsError as error:
            bad = error.quarantined
            counts = {"in": bad, "used": 0, "quarantined": bad}
            return Step(replace(planned, rows=counts, example=error.example), at.weights)
        fitted, began = outcome.result.result, time.monotonic()
        holdout = fitted.holdout if fitted.holdout.arrays else at.holdout
        weights, merged = self._merged(fitted.summary, at.weights, holdout)
        merge_holdout = {"before": merged.before, "after": merged.after} if merged else None
        done = _done(planned, outcome, began, merge_holdout)
        self._require_finite(weights)
        return Step(done, weights, fitted.holdout, fitted.measured)

    def _keep(self, summaries: Iterable[StateDict], merged: StateDict) -> None:
        assert self.keep is not None
        self.keep(map(learnt, summaries), learnt(merged))

    def _merged(
        self, summary: StateDict, start: StateDict | None, holdout: StateDict
    ) -> tuple[StateDict, MergeFit | None]:
        fitted = halves(holdout)[0] if self.holdout_judges else holdout
        if self.learner.stacks and count(fitted) and summary.params["shards"] > 1:
            return self.learner.stack(summary, start, self._batch(fitted))
        return self.learner.finish(summary, start), None

    def judged(self, weights: StateDict, holdout: StateDict) -> float:
        """The learner's own mean loss on the holdout rows that no merge is fitted to."""
        rows = halves(holdout)[1]
        if not count(rows):
            raise ConfigurationError(
                "`training.newton` has no rows to be judged by: none was held out",
                hint="Set `split.validation`, raise `training.merge_holdout`, or set "
                "`training.newton: 0`.",
            )
        return mean_loss(check_refinable(self.learner), weights, self._batch(rows))

    def newton(self, at: TrainingState, planned: Round, source: Source, rows: int | None) -> Step:
        """Measure the last model on all rows, and take a step from there.

        Raises
        ------
        DivergedError
            The model is no longer finite.
        """
        learner, model = check_refinable(self.learner), at.weights
        assert model is not None
        validator = LearntRows() if self.holdout_judges else EncodedRows()
        outcome = self.passes.run(
            f"train {planned.title}",
            Checked(validator, FullBatch(learner)),
            source,
            start=start_of(model, at.points, block=at.block),
            through=self.encoding,
            rows=rows,
        )
        began = time.monotonic()
        found = refined(learner, model, outcome.result.result, at.points)
        merge_holdout = None
        if self.holdout_judges:
            both = (self.judged(each, at.holdout) for each in (model, found.model))
            merge_holdout = dict(zip(("before", "after"), both, strict=True))
        done = replace(_done(planned, outcome, began, merge_holdout), objective=found.objective)
        point = found.point.to_state_dict() if found.point else NOTHING
        self._require_finite(found.model)
        return Step(done, found.model, point=point)

    def _require_finite(self, weights: StateDict) -> None:
        spoilt = self.learner.first_not_finite(weights)
        if spoilt:
            raise diverged(self.learner.name, spoilt)

    def _batch(self, holdout: StateDict) -> Batch:
        return as_batch(holdout, self.encoding.encoder.n_features)


def _done(
    planned: Round, outcome: Outcome[Any], began: float, merge_holdout: dict[str, float] | None
) -> Round:
    """The round, as it was; what came after the pass began at `began`."""
    return replace(
        planned,
        rows=outcome.result.counts,
        example=outcome.result.example,
        seconds=outcome.seconds + time.monotonic() - began,
        tally=asdict(outcome.tally) if outcome.tally else None,
        merge_holdout=merge_holdout,
    )
