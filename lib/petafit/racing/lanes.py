"""Lanes of a race: candidates that are trained together on the same batches."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from petafit.errors import PetafitError
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner, labels_of
from petafit.learners.online import losses
from petafit.learners.online.aggregator import OnlineLearner, OnlineState
from petafit.learners.online.csr import frozen
from petafit.learners.online.estimator import Memory
from petafit.learners.online.linear.side_by_side import (
    ModelRates,
    UsedEntries,
    learn_side_by_side,
)
from petafit.learners.online.weight_table import CoordinateTable
from petafit.racing.candidate import Candidate, Narrowing
from petafit.store.arrays import StateDict

Prediction = np.ndarray | str | None
"""A candidate's predictions of a batch; the error by which it failed; None: it cannot yet."""


class Lane(ABC):
    """Trains some candidates.

    Attributes
    ----------
    candidates : tuple of Candidate
    """

    candidates: tuple[Candidate, ...]

    @abstractmethod
    def start(self, models: Sequence[StateDict | None]) -> Any:
        """Return the state before any batch; a model for each candidate."""

    @abstractmethod
    def progressive(self, state: Any, batch: Batch) -> tuple[Any, list[Prediction]]:
        """Predict a batch with each candidate, then learn from it."""

    @abstractmethod
    def lift(self, state: Any) -> list[StateDict]:
        """Return each candidate's summary, as its learner lifts it."""

    @abstractmethod
    def learner(self, at: int) -> Learner[Any]:
        """Return the learner of a candidate, which merges and finishes its summaries."""

    @abstractmethod
    def dump(self, state: Any) -> StateDict:
        """Return the state as arrays."""

    @abstractmethod
    def load(self, dumped: StateDict) -> Any:
        """Return the state that `dump` wrote."""


@dataclass
class SideBySideState:
    """The memory of all models of a lane, in one table.

    Attributes
    ----------
    table : ndarray of float32, shape (n_features + 1, 2 n_models)
        As in `petafit.learners.online.linear.side_by_side`.
    seen : ndarray
        As in `petafit.learners.online.estimator.Memory`.
    models : list of StateDict or None
        Those that the shard started from.
    rows, weight
        As in `petafit.learners.online.aggregator.OnlineState`.
    """

    table: np.ndarray
    seen: np.ndarray
    models: list[StateDict | None]
    rows: int = 0
    weight: float = 0.0


class SideBySide(Lane):
    """Linear models of one output, trained by AdaGrad, that differ in rates and features only.

    Each gets the weights that its own learner would get, to the bit.

    Parameters
    ----------
    candidates : sequence of Candidate
    learners : sequence of OnlineLearner
    narrowing : Narrowing
    n_declared : int
        Number of the declared features.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        learners: Sequence[OnlineLearner],
        *,
        narrowing: Narrowing,
        n_declared: int,
    ) -> None:
        self.candidates, self.learners = tuple(candidates), tuple(learners)
        self.narrowing = narrowing
        self.uses = np.stack([each.uses(n_declared) for each in candidates], axis=1)
        rates = [each.optimizer.rates.in_unit(each.target.unit) for each in learners]
        self.rates = ModelRates(
            *(
                np.array([getattr(rate, name) for rate in rates], np.float32)
                for name in ModelRates._fields
            )
        )

    def start(self, models: Sequence[StateDict | None]) -> SideBySideState:
        if all(model is None for model in models):
            form, target = self.learners[0].form, self.learners[0].target
            table = np.zeros((form.n_features + 1, 2 * len(models)), np.float32)
            table[-1, : len(models)] = target.start
            return SideBySideState(table, target.no_rows(), list(models))
        pairs = zip(self.learners, models, strict=True)
        numbers = [learner.form.numbers(model) for learner, model in pairs]
        columns = [weights[:, 0] for weights, _, _ in numbers]
        columns += [squares[:, 0] for _, squares, _ in numbers]
        return SideBySideState(_as_table(columns), numbers[0][2], list(models))

    def progressive(
        self, state: SideBySideState, batch: Batch
    ) -> tuple[SideBySideState, list[Prediction]]:
        learner, y = self.learners[0], labels_of(batch, "search")
        target, estimator = learner.target, learner.estimator
        given = learner.weigh(batch, state.seen)
        assert batch.origins is not None
        margins = learn_side_by_side(
            self.narrowing.rows(batch),
            UsedEntries(frozen(batch.origins, np.uint16), self.uses),
            frozen(target.encode(frozen(y, np.float64)), np.float64),
            frozen(given, np.float64),
            state.table,
            float(state.seen.sum()),
            losses.CODES[estimator.loss],
            float(estimator.quantile),
            self.rates,
        )
        weight = np.ones(len(y)) if batch.weight is None else batch.weight * learner.weight_unit
        seen = target.count(frozen(y, np.float64), frozen(weight, np.float64), state.seen)
        rows, total = len(y), float(len(y))
        if batch.weight is not None:
            rows, total = int(np.count_nonzero(batch.weight)), float(batch.weight.sum())
        predictions = [self._predicted(state.table, margins, c) for c in range(len(self.learners))]
        learnt = replace(state, seen=seen, rows=state.rows + rows, weight=state.weight + total)
        return learnt, predictions

    def _predicted(self, table: np.ndarray, margins: np.ndarray, c: int) -> Prediction:
        """Return a model's predictions; one that has diverged starts anew, to do no harm."""
        own = np.ascontiguousarray(margins[:, c])
        if np.isfinite(own).all():
            return self.learners[c].target.decode(own)
        table[:, [c, len(self.learners) + c]] = 0
        return "its steps are too long: margins are not finite"

    def lift(self, state: SideBySideState) -> list[StateDict]:
        n_models, columns = len(self.learners), _as_columns(state.table)
        lifted = []
        for c, (learner, model) in enumerate(zip(self.learners, state.models, strict=True)):
            numbers = np.stack([columns[c], columns[n_models + c]], axis=1)
            memory = Memory(CoordinateTable(numbers, 1), state.seen)
            lifted.append(learner.lift(OnlineState(memory, model, state.rows, state.weight)))
        return lifted

    def learner(self, at: int) -> OnlineLearner:
        return self.learners[at]

    def dump(self, state: SideBySideState) -> StateDict:
        arrays = {"table": state.table.copy(), "seen": state.seen}
        dumped = StateDict(arrays, {"rows": state.rows, "weight": state.weight})
        for c, model in enumerate(state.models):
            dumped = dumped | (model or StateDict()).prefixed(f"model{c}")
        return dumped

    def load(self, dumped: StateDict) -> SideBySideState:
        models = [dumped.part(f"model{c}") for c in range(len(self.learners))]
        return SideBySideState(
            dumped.arrays["table"].copy(),
            dumped.arrays["seen"],
            [model if model.arrays else None for model in models],
            dumped.params["rows"],
            dumped.params["weight"],
        )


class Solo(Lane):
    """One candidate with any learner of sparse rows that predicts and learns batch by batch.

    Parameters
    ----------
    candidate : Candidate
    learner : Learner
    narrowing : Narrowing
    n_declared : int
        Number of the declared features.
    """

    def __init__(
        self,
        candidate: Candidate,
        learner: Learner[Any],
        *,
        narrowing: Narrowing,
        n_declared: int,
    ) -> None:
        self.candidates, self._learner = (candidate,), learner
        self.narrowing, self.uses = narrowing, candidate.uses(n_declared)

    def start(self, models: Sequence[StateDict | None]) -> Any:
        return self._learner.start(models[0])

    def progressive(self, state: Any, batch: Batch) -> tuple[Any, list[Prediction]]:
        X = self._narrowed(batch)
        try:
            state, found = self._learner.progressive(state, Batch(X, batch.y, batch.weight))
        except PetafitError as error:
            return self._learner.start(), [error.what]
        return state, [found]

    def _narrowed(self, batch: Batch) -> Any:
        """Return X as the candidate sees it; entries that it does not use are explicit zeros."""
        if self.uses.all() and not self.narrowing.is_needed:
            return batch.X
        rows = self.narrowing.rows(batch)
        data, indices = rows.data.copy(), rows.indices.copy()  # scikit-learn needs writable ones
        if not self.uses.all():
            assert batch.origins is not None
            data *= self.uses[batch.origins]
        shape = (len(rows.indptr) - 1, self.narrowing.n_features)
        return csr_array((data, indices, rows.indptr.astype(np.int32)), shape=shape)

    def lift(self, state: Any) -> list[StateDict]:
        return [self._learner.lift(state)]

    def learner(self, at: int) -> Learner[Any]:
        return self._learner

    def dump(self, state: Any) -> StateDict:
        return self._learner.dump(state)

    def load(self, dumped: StateDict) -> Any:
        return self._learner.load(dumped)


_BLOCK = 1 << 12
"""Coordinates that are transposed at a time, in the processor's cache."""


def _as_table(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return columns as a table with adjacent rows, (n_coordinates, n_columns) float32."""
    table = np.empty((len(columns[0]), len(columns)), np.float32)
    for first in range(0, len(table), _BLOCK):
        block = slice(first, first + _BLOCK)
        table[block] = np.stack([column[block] for column in columns]).T
    return table


def _as_columns(table: np.ndarray) -> np.ndarray:
    """Return the columns of a table, (n_columns, n_coordinates)."""
    columns = np.empty(table.shape[::-1], table.dtype)
    for first in range(0, len(table), _BLOCK):
        columns[:, first : first + _BLOCK] = table[first : first + _BLOCK].T
    return columns
