"""Merge rules: one estimator from estimators of a scikit-learn class, each fitted on a shard."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from petafit.features.encoding.batch import Batch
from petafit.learners.base import MergeFit, refuse_to_stack, refuse_to_unmerge
from petafit.learners.sklearn.serialization import decode, encode
from petafit.store.arrays import StateDict


class Learnt(NamedTuple):
    """The rows of positive weight that a shard has learnt from.

    Attributes
    ----------
    weight : float
        The sum of their weights.
    """

    rows: int = 0
    weight: float = 0

    def weight_of(self, steps: float) -> float:
        """Return the weight of this number of average rows."""
        return steps if self.weight == self.rows else steps * self.weight / self.rows


NO_ROWS = Learnt()


class MergeRule(ABC):
    """Merges the estimators of shards.

    A shard's summary is its estimator. To merge two summaries, each is converted to its `parts`,
    which an associative `join` adds up, averages or collects. `build` makes an estimator of them,
    so that all approximation lies in `parts` and `build`. Attributes without parts (settings,
    random states) are the first shard's.

    Attributes
    ----------
    exact : bool
        The merged estimator equals the one fitted to all rows, for any shards.
    subtractable : bool
        A shard can be subtracted from a summary: `unmerge`.
    stacks : bool
        Several shards are best merged by `stack`.
    forget : tuple of str
        Attributes that `build` recomputes, or that describe one shard's last batch.
    """

    exact: bool = False
    subtractable: bool = False
    stacks: bool = False
    forget: ClassVar[tuple[str, ...]] = ()

    def prepared(self, estimator: Any) -> Any:
        """Prepare a model's estimator, in place, to learn from a shard."""
        return estimator

    def learnt(self, estimator: Any, batch: Batch) -> Any:
        """Return the estimator after a batch, with the statistics that merging needs."""
        return estimator

    def note(self, estimator: Any, start: Any | None, learnt: Learnt) -> Any:
        """Return what `parts` needs besides the estimator, as plain JSON values.

        Parameters
        ----------
        start : estimator or None
            The estimator from which the shard started.
        learnt : Learnt
            The rows learnt from since then.
        """
        return learnt.weight

    @abstractmethod
    def parts(self, estimator: Any, note: Any) -> StateDict:
        """Return the shard's mergeable arrays."""

    @abstractmethod
    def join(self, left: StateDict, right: StateDict) -> StateDict:
        """Join the parts of two shards; associative."""

    @abstractmethod
    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        """Put joined parts into the first shard's estimator.

        Parameters
        ----------
        start : estimator or None
            The estimator from which all shards started; each shard's parts include it.
        """

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        """Return the parts that, joined with `part`, give `total`; for `subtractable` rules."""
        raise refuse_to_unmerge(type(self).__name__)

    def strip(self, estimator: Any) -> None:
        """Remove the attributes that `build` recomputes."""
        for name in self.forget:
            vars(estimator).pop(name, None)

    def alone(self, summary: StateDict) -> StateDict:
        """Return the model of a single shard."""
        return summary.part("estimator")

    def lift(self, estimator: Any, start: Any | None, learnt: Learnt) -> StateDict:
        """Return the summary of a shard."""
        return single(encode(estimator), learnt.rows, self.note(estimator, start, learnt))

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        """Merge two summaries; one without rows leaves the other unchanged."""
        if not left.params["rows"] or not right.params["rows"]:
            return left if left.params["rows"] else right
        parts = self.join(self.parts_of(left), self.parts_of(right))
        return self._rest(left) | parts.prefixed("parts") | _added(left, right, 1)

    def unmerge(self, total: StateDict, part: StateDict) -> StateDict:
        """Return the summary that, merged with `part`, gives `total`; for `subtractable` rules."""
        if not part.params["rows"]:
            return total
        parts = self.subtract(self.parts_of(total), self.parts_of(part))
        return self._rest(total) | parts.prefixed("parts") | _added(total, part, -1)

    def finish(self, summary: StateDict, start: Any | None) -> StateDict:
        """Return the model of all shards, each of which started from `start`."""
        if not is_joined(summary):
            return self.alone(summary)
        estimator = decode(summary.part("estimator"))
        self.build(estimator, summary.part("parts"), start, summary.params["shards"])
        return encode(estimator)

    def stack(
        self, summary: StateDict, start: Any | None, rows: Batch
    ) -> tuple[StateDict, MergeFit]:
        """Finish several shards with the merge fitted to the merge holdout; for rules that
        `stacks`.
        """
        raise refuse_to_stack(type(self).__name__)

    def parts_of(self, summary: StateDict) -> StateDict:
        """Return a summary's `parts`: a single shard's, or those joined already."""
        if is_joined(summary):
            return summary.part("parts")
        return self.parts(decode(summary.part("estimator"), copy=False), self.noted(summary))

    def noted(self, summary: StateDict) -> Any:
        """Return the note that `parts` gets: the shard's `note`, with the other parameters of
        `lift`.
        """
        return summary.params["note"]

    def _rest(self, summary: StateDict) -> StateDict:
        if is_joined(summary):
            return summary.part("estimator").prefixed("estimator")
        estimator = decode(summary.part("estimator"), copy=False)
        self.strip(estimator)
        return encode(estimator).prefixed("estimator")


EMPTY = StateDict(params={"rows": 0, "shards": 0})
"""The summary of a shard without rows."""


def single(model: StateDict, rows: int, note: Any) -> StateDict:
    """Return the summary of one shard's estimator."""
    return StateDict(params={"rows": rows, "shards": 1, "note": note}) | model.prefixed("estimator")


def is_joined(summary: StateDict) -> bool:
    """Return whether a summary is of several shards."""
    return "note" not in summary.params


def _added(left: StateDict, right: StateDict, sign: int) -> StateDict:
    return StateDict(
        params={name: left.params[name] + sign * right.params[name] for name in ("rows", "shards")}
    )
