"""The stages of a model: the columns they read and add, and who runs each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from petafit.features.stages.outputs import OutputColumn
from petafit.features.stages.own import (
    OwnStage,
    OwnStages,
    made_by,
    stages_from_plain,
    stages_to_plain,
)

PETAFIT, SPARK = "petafit", "spark"


@dataclass(frozen=True)
class FittedStage:
    """One stage, after it was fitted.

    Attributes
    ----------
    name : str
        As the task names it.
    fitted : str
        The class of what was fitted.
    runs : {"petafit", "spark"}
        Who computes it.
    """

    name: str
    fitted: str
    runs: str


@dataclass(frozen=True)
class StageRecord:
    """The stages of a model.

    Attributes
    ----------
    reads : tuple of str
        The columns that they need, of the table or of functions.
    stages : tuple of FittedStage
    outputs : tuple of OutputColumn
        The columns that features use.
    own : tuple of OwnStage
        The stages that petafit runs, in order.
    """

    reads: tuple[str, ...]
    stages: tuple[FittedStage, ...]
    outputs: tuple[OutputColumn, ...]
    own: tuple[OwnStage, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The columns that features use."""
        return pa.schema([column.field for column in self.outputs])

    @property
    def in_spark(self) -> tuple[int, ...]:
        """The places of the stages that Spark runs."""
        return tuple(place for place, each in enumerate(self.stages) if each.runs == SPARK)

    @property
    def by_batch(self) -> OwnStages | None:
        """The extension of batches by what petafit's own stages make."""
        made = {name for stage in self.own for name in made_by(stage)}
        wanted = tuple(column.name for column in self.outputs if column.name in made)
        return OwnStages(self.own, wanted) if wanted else None

    @property
    def of_spark(self) -> tuple[OutputColumn, ...]:
        """The columns that Spark's stages make."""
        made = {name for stage in self.own for name in made_by(stage)}
        return tuple(column for column in self.outputs if column.name not in made)

    @property
    def spark_names(self) -> str:
        """The names of the stages that Spark runs."""
        return ", ".join(self.stages[place].name for place in self.in_spark)

    def stored(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the columns from which these are made, each once."""
        made = {column.name for column in self.outputs}
        return tuple(dict.fromkeys((*(n for n in names if n not in made), *self.reads)))

    def to_plain(self) -> dict[str, Any]:
        """Return what `from_plain` needs, as JSON can hold it."""
        return {
            "reads": list(self.reads),
            "stages": [vars(stage) for stage in self.stages],
            "outputs": [column.to_plain() for column in self.outputs],
            "own": stages_to_plain(self.own),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuild what `to_plain` returned."""
        stages = tuple(FittedStage(**stage) for stage in plain["stages"])
        if any(stage.runs not in (PETAFIT, SPARK) for stage in stages):
            raise ValueError("stages that nobody runs")
        outputs = tuple(map(OutputColumn.from_plain, plain["outputs"]))
        own = stages_from_plain(plain["own"])
        return cls(tuple(map(str, plain["reads"])), stages, outputs, own)
