"""Columns that rows get beside those of the table: by functions, and by stages of Spark ML."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from petafit.features.stages.record import StageRecord
from petafit.functions.derivation import Derivation, Requirement
from petafit.stream.batches import Extension, Extensions

if TYPE_CHECKING:
    from petafit.features.spark.fitted import SparkStages


@dataclass(frozen=True)
class Derived:
    """The columns that the features of a task or a model take from elsewhere than the table.

    Attributes
    ----------
    functions : Derivation or None
        The user's own functions.
    stages : StageRecord or None
        What the stages read and make.
    spark : SparkStages or None
        Those that Spark runs.
    """

    functions: Derivation | None = None
    stages: StageRecord | None = None
    spark: "SparkStages | None" = None

    @property
    def schema(self) -> pa.Schema:
        """The derived columns."""
        parts = (each.schema for each in (self.functions, self.stages) if each is not None)
        return pa.schema([field for part in parts for field in part])

    @property
    def requirement(self) -> Requirement | None:
        """The functions that a model with these columns needs."""
        return self.functions.requirement if self.functions else None

    @property
    def by_batch(self) -> Extension | None:
        """The extension of batches by the columns that Spark does not add."""
        functions = None if self.spark else self.functions
        stages = self.stages.by_batch if self.stages else None
        parts = tuple(part for part in (functions, stages) if part is not None)
        return Extensions(parts) if len(parts) > 1 else next(iter(parts), None)

    def stored(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the columns of the table that give these columns, each once."""
        for part in (self.stages, self.functions):
            names = part.stored(names) if part is not None else names
        return tuple(dict.fromkeys(names))


NOTHING_DERIVED = Derived()
