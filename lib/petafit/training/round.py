"""One round of training: what it was, what it gave, and how it is kept for a later attempt."""

from dataclasses import asdict, dataclass, field
from typing import Literal, Self

from petafit.evaluation.metrics import Figures
from petafit.store.arrays import Named
from petafit.training.reserved import NOTHING

Kind = Literal["online", "newton"]


@dataclass(frozen=True)
class Round:
    """One finished round, or one part of the first.

    Attributes
    ----------
    kind : {"online", "newton"}
        Whether shards learnt and were merged, or the model took a Newton step over all rows.
    number, part, parts : int
        From 1; `part` of the `parts` that make the round.
    rows : dict
        Rows ``in``, ``used`` and ``quarantined``.
    example : str or None
        What was wrong with one of the latter.
    seconds : float
        Of the pass over the training rows, merging included.
    held_back : dict or None
        The loss on the newest rows put aside, ``before`` the merge was fitted to them and
        ``after``; None where nothing was fitted.
    validation : dict or None
        Metrics of the merged model on the validation rows, where there are any.
    """

    number: int
    part: int
    parts: int
    kind: Kind = "online"
    rows: dict[str, int] = field(default_factory=lambda: {"in": 0, "used": 0, "quarantined": 0})
    example: str | None = None
    seconds: float = 0.0
    held_back: dict[str, float] | None = None
    validation: Figures | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the round has no further part."""
        return self.part == self.parts

    @property
    def title(self) -> str:
        """As logs and progress bars call it."""
        named = "newton round" if self.kind == "newton" else "round"
        return f"{named} {self.number}" + (f" part {self.part}" if self.parts > 1 else "")


@dataclass(frozen=True)
class Step:
    """What a round leaves to the next.

    Attributes
    ----------
    weights : Named or None
        The merged model; None as long as there were no rows to learn from.
    reserved : Named
        Rows that it has put aside: see `petafit.training.reserved`.
    measured : Named or None
        What the predictions before each update say.
    """

    done: Round
    weights: Named | None
    reserved: Named = NOTHING
    measured: Named | None = None

    def to_named(self) -> Named:
        """As one set of arrays, to be kept."""
        whole = Named(params={"round": asdict(self.done)})
        kept = {"weights": self.weights, "reserved": self.reserved, "measured": self.measured}
        for name, part in kept.items():
            whole = whole | (part or NOTHING).prefixed(name)
        return whole

    @classmethod
    def from_named(cls, kept: Named) -> Self:
        """What `to_named` gave."""
        weights, measured = kept.part("weights"), kept.part("measured")
        return cls(
            Round(**kept.params["round"]),
            weights if weights.arrays or weights.params else None,
            kept.part("reserved"),
            measured if measured.arrays else None,
        )
