"""petafit's online estimators as aggregators: sequential within a shard, merged between shards."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from petafit.aggregate.memory import make_room
from petafit.errors import ConfigurationError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoding.batch import Batch
from petafit.features.encoding.stored import reading
from petafit.learners.base import Learner, MergeFit, check_taken_back, labels_of
from petafit.learners.online import losses
from petafit.learners.online.csr import UNWEIGHTED, as_rows, frozen
from petafit.learners.online.estimator import Memory, OnlineEstimator
from petafit.learners.online.merging.rules import LOCAL, STACKED, Merge
from petafit.learners.online.merging.shard_summary import is_of_one, shard_numbers
from petafit.learners.online.merging.stacking import Candidates
from petafit.learners.online.merging.summaries import Sums, merge, unmerge
from petafit.learners.online.model_state import ModelForm
from petafit.learners.online.weight_table import CoordinateTable
from petafit.learners.parameters import build
from petafit.store.arrays import StateDict

FIT_ONLY = {
    "max_iter": "Set `training.rounds`.",
    "shuffle": "Rows are taken in the order in which the table holds them.",
    "random_state": "Set `training.seed`.",
}
"""Parameters of the estimators that only `fit` uses, with the setting to use in a task."""


_LARGEST_UNIT = 1e300
"""Upper limit of the factor of all weights, which must stay finite."""


@dataclass
class OnlineState:
    """A shard's progress: what it has learnt, the model it started from, and its rows.

    Attributes
    ----------
    rows : int
        Rows with a weight above 0.
    weight : float
        The sum of their weights.
    """

    memory: Memory
    model: StateDict | None
    rows: int = 0
    weight: float = 0.0


class OnlineLearner(Learner[OnlineState]):
    """An online estimator, trained on shards.

    Parameters
    ----------
    estimator : OnlineEstimator
        Only its parameters are used; it is not fitted.
    n_features : int
    statistics : TableStatistics
        Of the training table: classes and their counts, or the label's mean and deviation.
    merge : str
        A rule of `petafit.learners.online.merging.rules`, or ``auto``.

    Raises
    ------
    ConfigurationError
        An unknown merge rule, or a label that does not suit the estimator.
    """

    def __init__(
        self,
        estimator: OnlineEstimator,
        *,
        n_features: int,
        statistics: TableStatistics,
        merge: str = "auto",
    ) -> None:
        self.estimator = estimator
        self.name = name_of(type(estimator))
        self.kind, self.output = estimator.kind, estimator.output
        self.stacks = merge in STACKED
        self.rule = estimator.merge_rule(merge)
        self.subtractable = merge in LOCAL and estimator.linear == slice(None)
        self.optimizer = estimator.rules()
        self.weight_unit = _unit_of_weights(statistics)
        try:
            self.target = estimator.target_of_statistics(statistics)
        except ValueError as error:
            raise ConfigurationError(
                f"{self.name} cannot learn this label",
                got=str(error).rstrip("."),
                hint="Check `label` and `learner`.",
            ) from error
        self.form = ModelForm(self.name, estimator, self.target, n_features)

    def start(self, model: StateDict | None = None) -> OnlineState:
        return OnlineState(self.form.memory(model), model)

    def reduce(self, state: OnlineState, batch: Batch) -> OnlineState:
        return self._learn(state, batch)[0]

    def progressive(self, state: OnlineState, batch: Batch) -> tuple[OnlineState, np.ndarray]:
        state, margins = self._learn(state, batch)
        return state, self.target.decode(margins)

    def lift(self, state: OnlineState) -> StateDict:
        now, (first, squares, seen) = state.memory, self.form.numbers(state.model)
        make_room(now.table.numbers.nbytes)
        return shard_numbers(
            weights=self.optimizer.weights(now.table),
            moved=now.table.moved_from(first, squares),
            squares=now.table.squares,
            before=squares,
            seen=now.seen - seen,
            rows=state.rows,
            weight=state.weight,
            z=now.table.first if self.optimizer.first == "z" else None,
        )

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return merge(left, right)

    def unmerge(self, total: StateDict, part: StateDict) -> StateDict:
        if not self.subtractable:
            return super().unmerge(total, part)
        check_taken_back(total, part)
        return unmerge(total, part)

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        if is_of_one(summary):
            return self.form.write(self._memory_of(summary, model))
        merge = self._merge_of(summary, model)
        table = self.optimizer.merged_table(merge, *merge.by_rule(self.rule))
        return self.form.write(Memory(merge.unmoved_kept(table), merge.seen))

    def stack(
        self, summary: StateDict, model: StateDict | None, rows: Batch
    ) -> tuple[StateDict, MergeFit]:
        merge, linear = self._merge_of(summary, model), self.estimator.linear
        candidates, squares = merge.candidates(linear), merge.mean_squares()
        if linear == slice(None):
            fit = self.fit_to(candidates, rows, merge.seen)
            weights = candidates.combined(fit.multipliers)
        else:
            weights = merge.by_rule(self.rule)[0].astype(np.float32)
            plain = Memory(self.optimizer.table(weights, squares), merge.seen)
            rest = self.estimator.beyond_linear(as_rows(rows.X), plain)
            fit = self.fit_to(candidates, rows, merge.seen, rest=rest)
            weights[:, linear] = candidates.combined(fit.multipliers)
            weights = self.estimator.with_rest_scaled(weights, fit.multipliers[-1])
        table = self.optimizer.merged_table(merge, weights, squares, own=False)
        return self.form.write(Memory(table, merge.seen)), fit

    def check_summary(self, summary: StateDict) -> None:
        super().check_summary(summary)
        with reading(f"A stored summary of {self.name}"):
            self.form.check_coordinates(summary)

    def check_form(self, model: StateDict) -> None:
        self.form.check(model)

    def predictive(self, model: StateDict) -> StateDict:
        return StateDict({"weights": model.arrays["weights"]})

    def predict(self, model: StateDict, X: Any) -> np.ndarray:
        margins = self.estimator.margins(as_rows(X), model.arrays["weights"])
        return self.target.decode(margins)

    def dump(self, state: OnlineState) -> StateDict:
        table = state.memory.table.copy()
        memory = StateDict(
            {"table": table.numbers, "seen": state.memory.seen}, {"width": table.width}
        )
        start = (state.model or StateDict()).prefixed("start")
        return (
            memory.prefixed("now")
            | start
            | StateDict(params={"rows": state.rows, "weight": state.weight})
        )

    def load(self, dumped: StateDict) -> OnlineState:
        now, model = dumped.part("now"), dumped.part("start")
        self.form.check_memory(now)
        table = CoordinateTable(now.arrays["table"].copy(), now.params["width"])
        memory = Memory(table, now.arrays["seen"])
        counts = {name: dumped.params[name] for name in ("rows", "weight")}
        return OnlineState(memory, model if model.arrays else None, **counts)

    def weigh(self, rows: Batch, seen: np.ndarray) -> np.ndarray:
        """Return the rows' weights, multiplied by those of their classes, (n_rows,)."""
        y = frozen(labels_of(rows, self.name), np.float64)
        given = frozen(self._weights(rows), np.float64)
        weighed = self.target.weigh(y, given, seen)
        return weighed if weighed.size else np.ones(len(y))

    def fitting_rate(self, rows: Batch) -> float:
        """Return the learning rate for rows such as these."""
        y = frozen(labels_of(rows, self.name), np.float64)
        weight = frozen(self._weights(rows), np.float64)
        return self.estimator.rate_on(as_rows(rows.X), y, weight, self.target)

    def fit_to(
        self,
        candidates: Candidates,
        rows: Batch,
        seen: np.ndarray,
        *,
        rest: np.ndarray | None = None,
    ) -> MergeFit:
        """Fit the multipliers of candidates that minimise the mean loss of some rows.

        Parameters
        ----------
        seen : ndarray
            As in `Memory`.
        rest : ndarray of shape (n_rows,), optional
            The margins' non-linear part; it gets a multiplier of its own, the last.
        """
        features = candidates.contributions(as_rows(rows.X))
        if rest is not None:
            features = np.concatenate([features, rest[:, None, None]], axis=2, dtype=np.float32)
        weight = self.weigh(rows, seen)
        weight = weight / weight.sum()
        loss = partial(
            losses.total,
            self.estimator.loss,
            target=self.target.encode(labels_of(rows, self.name)),
            weight=weight,
            quantile=self.estimator.quantile,
        )
        return candidates.fit(features, loss, weight)

    def _learn(self, state: OnlineState, batch: Batch) -> tuple[OnlineState, np.ndarray]:
        y = labels_of(batch, self.name)
        weight = self._weights(batch)
        margins = self.estimator.update(as_rows(batch.X), y, weight, state.memory, self.target)
        rows, total = len(y), float(len(y))
        if batch.weight is not None:
            rows, total = int(np.count_nonzero(batch.weight)), float(batch.weight.sum())
        learnt = OnlineState(state.memory, state.model, state.rows + rows, state.weight + total)
        return learnt, margins

    def _weights(self, rows: Batch) -> np.ndarray:
        """Return the rows' weights in the unit in which they are learnt, (0,) if all weigh 1."""
        return UNWEIGHTED if rows.weight is None else rows.weight * self.weight_unit

    def _memory_of(self, shard: StateDict, model: StateDict | None) -> Memory:
        """Return the memory of a training with a single shard."""
        memory, own = self.form.memory(model), shard.arrays
        at, moved = own.get("index", slice(None)), own.get("moved", True)
        first, squares = memory.table.first, memory.table.squares
        numbers = own.get("z", own["weights"])
        first[at] = numbers if moved is True else np.where(moved, numbers, first[at])
        squares[at] += own["evidence"]
        return Memory(memory.table, memory.seen + own["seen"])

    def _merge_of(self, summary: StateDict, model: StateDict | None) -> Merge:
        sums, start = Sums.from_state_dict(summary), self.form.memory(model)
        seen = start.seen + sums.seen / max(sums.shards, 1)
        return Merge(sums, self.optimizer.weights(start.table), start.table, seen)


def _unit_of_weights(statistics: TableStatistics) -> float:
    """Return the factor of all weights: it makes their mean 1 where it is below.

    Weights are relative, but steps are in proportion to them: those of weights that sum to 1 over a
    million rows would teach nothing.
    """
    rows, weight = statistics.rows, statistics.weight
    if not rows or not weight or weight >= rows:
        return 1.0
    return min(rows / weight, _LARGEST_UNIT)


def name_of(kind: type[OnlineEstimator]) -> str:
    """Return the name in the registry."""
    return f"petafit.{kind.__name__}"


def online_estimator(kind: type[OnlineEstimator], params: Mapping[str, Any]) -> OnlineEstimator:
    """Build an estimator for `OnlineLearner`.

    Raises
    ------
    ConfigurationError
        An unknown or invalid parameter, or one that only `fit` uses.
    """
    return build(kind, params, name=name_of(kind), refused=FIT_ONLY)
