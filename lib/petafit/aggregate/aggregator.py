"""The aggregator's contract: start, reduce, lift, merge, finish.

A learner, a profile and a metric are all aggregators. `merge` is associative for every one of them;
where combining is an approximation, it sits in `lift` and `finish`, never in the tree of merges.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from petafit.store.arrays import StateDict

State = TypeVar("State")
Batch = TypeVar("Batch", contravariant=True)
Result = TypeVar("Result", covariant=True)


class Aggregator(ABC, Generic[State, Batch, Result]):
    """One aggregation over a stream of batches.

    An aggregator itself is small and immutable: it says how to aggregate and is shipped to every
    worker. What it has seen lives in the state.

    Attributes
    ----------
    exact : bool
        Finishing over any number of shards, in any order, equals aggregating their union.
    """

    exact: bool = True

    @abstractmethod
    def start(self, model: StateDict | None = None) -> State:
        """The state before any batch; a warm start begins from a model."""

    @abstractmethod
    def reduce(self, state: State, batch: Batch) -> State:
        """Take in one batch. May modify the state in place: only the returned one counts."""

    @abstractmethod
    def lift(self, state: State) -> StateDict:
        """The shard's mergeable summary."""

    @abstractmethod
    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        """Two summaries as one; associative, and the lift of an empty shard changes nothing.

        May modify its arguments in place: only the returned summary counts.
        """

    @abstractmethod
    def finish(self, summary: StateDict, model: StateDict | None = None) -> Result:
        """The result of all that was merged; `model` is what `start` was given."""

    def progress(self, state: State) -> float | None:
        """The running loss, where there is one: shown while the pass goes on."""
        return None

    def dump(self, state: State) -> StateDict:
        """The state as arrays, from which `load` makes one that continues with the same bytes."""
        return cast(StateDict, state)

    def load(self, dumped: StateDict) -> State:
        """The state that `dump` wrote."""
        return cast(State, dumped)


class Composite(Aggregator[dict[str, Any], Batch, Result]):
    """An aggregator made of others: its state and its summary are theirs, by name.

    What is made of it says how to start, reduce and finish its parts.

    Parameters
    ----------
    parts : mapping of str to Aggregator
    """

    def __init__(self, parts: Mapping[str, Aggregator[Any, Any, Any]]) -> None:
        self.parts = dict(parts)
        self.exact = all(part.exact for part in self.parts.values())

    def progress(self, state: dict[str, Any]) -> float | None:
        losses = (part.progress(state[name]) for name, part in self.parts.items())
        return next((loss for loss in losses if loss is not None), None)

    def lift(self, state: dict[str, Any]) -> StateDict:
        return _join({name: part.lift(state[name]) for name, part in self.parts.items()})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return _join(
            {
                name: part.merge(left.part(name), right.part(name))
                for name, part in self.parts.items()
            }
        )

    def dump(self, state: dict[str, Any]) -> StateDict:
        return _join({name: part.dump(state[name]) for name, part in self.parts.items()})

    def load(self, dumped: StateDict) -> dict[str, Any]:
        return {name: part.load(dumped.part(name)) for name, part in self.parts.items()}


class Combined(Composite[Any, dict[str, Any]]):
    """Several aggregators over the same batches, in one pass; results by the parts' names."""

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        return {
            name: part.start(model.part(name) if model else None)
            for name, part in self.parts.items()
        }

    def reduce(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        return {name: part.reduce(state[name], batch) for name, part in self.parts.items()}

    def finish(self, summary: StateDict, model: StateDict | None = None) -> dict[str, Any]:
        return {
            name: part.finish(summary.part(name), model.part(name) if model else None)
            for name, part in self.parts.items()
        }


def _join(parts: Mapping[str, StateDict]) -> StateDict:
    joined = StateDict()
    for name, part in parts.items():
        joined = joined | part.prefixed(name)
    return joined
