"""A merge rule: how estimators of one scikit-learn class, each fitted on a shard, become one."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from petafit.features.encoding.batch import Batch
from petafit.learners.base import MergeFit
from petafit.learners.sklearn.serialization import decode, encode
from petafit.store.arrays import StateDict


class Learnt(NamedTuple):
    """The rows that a shard has learnt from, all of them with weight.

    Attributes
    ----------
    weight : float
        The sum of their weights.
    """

    rows: int = 0
    weight: float = 0

    def weight_of(self, steps: float) -> float:
        """What so many of the rows weigh, taken to be like all of them."""
        return steps if self.weight == self.rows else steps * self.weight / self.rows


NO_ROWS = Learnt()


class MergeRule(ABC):
    """Merges what shards learnt.

    A shard's summary is its estimator. When two summaries meet, each becomes its `parts`: what adds
    up, or is averaged, or is collected, by an associative `join`. `build` makes an estimator of
    them, so that whatever is approximate lies in `parts` and `build`. What has no parts (settings,
    random states) is the first shard's.

    Attributes
    ----------
    exact : bool
        What is built equals the estimator fitted to all rows, whatever the shards.
    subtractable : bool
        A shard can be taken out of a summary again: `unmerge`.
    stacks : bool
        Several shards are best merged by `stack`.
    how : str
        The rule in one line.
    forget : tuple of str
        Attributes that `build` makes anew, or that describe one shard's last batch.
    """

    exact: bool = False
    subtractable: bool = False
    stacks: bool = False
    how: str
    forget: ClassVar[tuple[str, ...]] = ()

    def prepared(self, estimator: Any) -> Any:
        """The estimator of a model, which it may change, ready to learn from a shard."""
        return estimator

    def learnt(self, estimator: Any, batch: Batch) -> Any:
        """The estimator, now that it has learnt from a batch, with what merging needs of it."""
        return estimator

    def note(self, estimator: Any, start: Any | None, learnt: Learnt) -> Any:
        """What `parts` needs besides the estimator, as JSON has it.

        Parameters
        ----------
        start : estimator or None
            What the shard began with.
        learnt : Learnt
            Since then.
        """
        return learnt.weight

    @abstractmethod
    def parts(self, estimator: Any, note: Any) -> StateDict:
        """What a shard has to say to others."""

    @abstractmethod
    def join(self, left: StateDict, right: StateDict) -> StateDict:
        """The parts of two shards as one; associative."""

    @abstractmethod
    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        """Put joined parts into the first shard's estimator.

        Parameters
        ----------
        start : estimator or None
            What all shards began with; the parts of each of them include it.
        """

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        """The parts of which `total` is the join, `part` being the other side."""
        raise NotImplementedError

    def strip(self, estimator: Any) -> None:
        """Remove what `build` makes anew."""
        for name in self.forget:
            vars(estimator).pop(name, None)

    def alone(self, summary: StateDict) -> StateDict:
        """The model of a shard that met no other."""
        return summary.part("estimator")

    def lift(self, estimator: Any, start: Any | None, learnt: Learnt) -> StateDict:
        """The summary of a shard."""
        return single(encode(estimator), learnt.rows, self.note(estimator, start, learnt))

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        """Two summaries as one; one without rows leaves the other as it is."""
        if not left.params["rows"] or not right.params["rows"]:
            return left if left.params["rows"] else right
        parts = self.join(self.parts_of(left), self.parts_of(right))
        return self._rest(left) | parts.prefixed("parts") | _added(left, right, 1)

    def unmerge(self, total: StateDict, part: StateDict) -> StateDict:
        """The summary that, merged with `part`, gives `total`; of a `subtractable` rule."""
        if not part.params["rows"]:
            return total
        parts = self.subtract(self.parts_of(total), self.parts_of(part))
        return self._rest(total) | parts.prefixed("parts") | _added(total, part, -1)

    def finish(self, summary: StateDict, start: Any | None) -> StateDict:
        """The model of all shards; `start` is what each of them began with."""
        if not is_joined(summary):
            return self.alone(summary)
        estimator = decode(summary.part("estimator"))
        self.build(estimator, summary.part("parts"), start, summary.params["shards"])
        return encode(estimator)

    def stack(
        self, summary: StateDict, start: Any | None, rows: Batch
    ) -> tuple[StateDict, MergeFit]:
        """As `finish` of several shards, by a rule that `stacks`: fitted to rows put aside."""
        raise NotImplementedError

    def parts_of(self, summary: StateDict) -> StateDict:
        """The `parts` of a shard, or those joined already."""
        if is_joined(summary):
            return summary.part("parts")
        return self.parts(decode(summary.part("estimator"), copy=False), self.noted(summary))

    def noted(self, summary: StateDict) -> Any:
        """What `parts` is told of a shard: its `note`, and what else `lift` has written down."""
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
    """The summary of one shard's estimator."""
    return StateDict(params={"rows": rows, "shards": 1, "note": note}) | model.prefixed("estimator")


def is_joined(summary: StateDict) -> bool:
    """Whether it is of several shards."""
    return "note" not in summary.params


def _added(left: StateDict, right: StateDict, sign: int) -> StateDict:
    return StateDict(
        params={name: left.params[name] + sign * right.params[name] for name in ("rows", "shards")}
    )
