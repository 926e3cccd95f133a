"""One round of training: what it was, what it gave, and its file for a later attempt."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Self

from petafit.errors import StorageError
from petafit.evaluation.metrics import Figures
from petafit.store.arrays import StateDict, from_bytes, to_buffers
from petafit.store.filesystem import Folder
from petafit.training.merge_holdout import NOTHING

log = logging.getLogger("petafit")

Kind = Literal["online", "newton"]


@dataclass(frozen=True)
class Round:
    """One finished round, or one part of the first.

    Attributes
    ----------
    kind : {"online", "newton"}
        Shards learnt and were merged; or the model took one step by all rows' derivatives.
    number, part, parts : int
        From 1; `part` of the `parts` that make the round.
    rows : dict
        Rows ``in``, ``used`` and ``quarantined``.
    example : str or None
        The fault of one of the latter.
    seconds : float
        Of the pass over the training rows, merging included.
    tally : dict or None
        All rows that were read, as `stream.batches.Tally`; None where they were not counted.
    merge_holdout : dict or None
        The loss on the newest holdout rows, ``before`` and ``after``. Of a merge these are the
        rows to which it was fitted; None where nothing was. Of a Newton round they are rows to
        which nothing was ever fitted; None where there are validation rows instead.
    objective : float or None
        Of a Newton round: mean loss and penalty over all rows, of the model it began with.
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
    tally: dict[str, int] | None = None
    merge_holdout: dict[str, float] | None = None
    objective: float | None = None
    validation: Figures | None = None

    @property
    def is_whole(self) -> bool:
        """True where the round has no further part."""
        return self.part == self.parts

    @property
    def title(self) -> str:
        """As logs and progress bars call it."""
        named = "newton round" if self.kind == "newton" else "round"
        return f"{named} {self.number}" + (f" part {self.part}" if self.parts > 1 else "")


@dataclass(frozen=True)
class Step:
    """The outcome of a round, from which the next one starts.

    Attributes
    ----------
    weights : StateDict or None
        The merged model; None as long as there were no rows to learn from.
    holdout : StateDict
        Rows that it has held out: see `petafit.training.merge_holdout`.
    measured : StateDict or None
        Summary of the metrics of the predictions before each update.
    point : StateDict
        Of a Newton round that lowered the objective: see `petafit.learners.online.newton.lbfgs`.
    """

    done: Round
    weights: StateDict | None
    holdout: StateDict = NOTHING
    measured: StateDict | None = None
    point: StateDict = NOTHING

    def to_state_dict(self) -> StateDict:
        """As one set of arrays, to be kept."""
        whole = StateDict(params={"round": asdict(self.done)})
        kept = {"weights": self.weights, "holdout": self.holdout, "measured": self.measured}
        kept["point"] = self.point
        for name, part in kept.items():
            whole = whole | (part or NOTHING).prefixed(name)
        return whole

    @classmethod
    def from_state_dict(cls, kept: StateDict) -> Self:
        """The step that `to_state_dict` wrote."""
        weights, measured = kept.part("weights"), kept.part("measured")
        return cls(
            Round(**kept.params["round"]),
            weights if weights.arrays or weights.params else None,
            kept.part("holdout"),
            measured if measured.arrays else None,
            kept.part("point"),
        )


@dataclass(frozen=True)
class RoundFiles:
    """The finished rounds of a run, each in a file.

    Attributes
    ----------
    inputs : str
        Digest of all that they depend on: see `petafit.aggregate.engine.Passes`.
    """

    folder: Folder
    inputs: str

    def keep(self, step: Step, *, last: bool) -> None:
        """Write a round; without the holdout rows where no round can follow."""
        if last and step.done.is_whole:
            step = replace(step, holdout=NOTHING)
        inputs = StateDict(params={"inputs": self.inputs})
        self.folder.write(_file(step.done), to_buffers(step.to_state_dict() | inputs))

    def find(self, planned: Round, *, check: Callable[[StateDict], None]) -> Step | None:
        """The round, if an earlier attempt finished it with the same code; None without it.

        Parameters
        ----------
        check : callable
            Raises where a model's arrays are not what they should be.
        """
        name = _file(planned)
        if not self.folder.exists(name):
            return None
        try:
            kept = from_bytes(self.folder.read(name))
            if kept.params["inputs"] != self.inputs:
                return None
            step = Step.from_state_dict(kept)
            if step.done.kind != planned.kind:  # online rounds ended earlier: one of them diverged
                return None
            if step.weights is not None:
                check(step.weights)
        except (StorageError, KeyError, TypeError, ValueError):
            log.warning("%s/%s is damaged: %s is made anew", self.folder.uri, name, planned.title)
            return None
        log.info("%s was finished by an earlier attempt of this run", planned.title)
        return step


def _file(planned: Round) -> str:
    return f"round-{planned.number:03d}-{planned.part:02d}.npz"
