"""Stages of Spark ML that petafit runs itself, with the same result to the bit, on Arrow batches.

Each holds what Spark has fitted. `tests/features/spark/test_translation.py` compares them with
Spark on rows with nulls, NaN and unseen values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import pyarrow as pa
from pydantic import TypeAdapter

from petafit.features.stages.encoding import CutIntoBuckets, EncodeOneHot, IndexStrings
from petafit.features.stages.hashing import HashColumns, HashTerms
from petafit.features.stages.numbers import (
    AssembleVector,
    FillMissing,
    RescaleVector,
    StandardizeVector,
)
from petafit.features.stages.words import JoinNgrams, SplitWords

Columns = Mapping[str, pa.Array]


class OwnStage(Protocol):
    """A fitted stage: a frozen dataclass of plain parameters."""

    def columns(self, found: Columns) -> Columns:
        """Return the columns that the stage makes of those of a batch.

        Raises
        ------
        ContractError
            Spark's stage would fail on a row, too.
        """


_KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        AssembleVector,
        CutIntoBuckets,
        EncodeOneHot,
        FillMissing,
        HashColumns,
        HashTerms,
        IndexStrings,
        JoinNgrams,
        RescaleVector,
        SplitWords,
        StandardizeVector,
    )
}


@dataclass(frozen=True)
class OwnStages:
    """Stages that petafit runs, in order.

    Attributes
    ----------
    outputs : tuple of str
        The columns that are kept.
    """

    stages: tuple[OwnStage, ...]
    outputs: tuple[str, ...]

    @cached_property
    def identity(self) -> str:
        """Equal for stages that give the same values."""
        return repr(self)

    def extend(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch with the columns added; raises like `OwnStage.columns`."""
        found = dict(zip(batch.schema.names, batch.columns, strict=True))
        for stage in self.stages:
            found.update(stage.columns(found))
        for name in self.outputs:
            batch = batch.append_column(name, found[name])
        return batch


def made_by(stage: Any) -> tuple[str, ...]:
    """Return the names of the columns that a stage makes."""
    return tuple(stage.outputs) if hasattr(stage, "outputs") else (stage.output,)


def stages_to_plain(stages: Sequence[OwnStage]) -> list[dict[str, Any]]:
    """Return what `stages_from_plain` needs, as JSON can hold it."""
    return [{"kind": type(stage).__name__, **vars(stage)} for stage in stages]


def stages_from_plain(plain: Sequence[Mapping[str, Any]]) -> tuple[OwnStage, ...]:
    """Rebuild what `stages_to_plain` returned.

    Raises
    ------
    LookupError, ValueError
        It was not written by petafit.
    """
    return tuple(
        TypeAdapter(_KINDS[each["kind"]]).validate_python(
            {name: value for name, value in each.items() if name != "kind"}
        )
        for each in plain
    )
