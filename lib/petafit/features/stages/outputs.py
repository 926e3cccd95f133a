"""Columns that stages of Spark ML add to a table's rows, and the features that they are."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from petafit.errors import ConfigurationError, did_you_mean
from petafit.features.columns import VECTOR, is_boolean, is_number, is_string, is_vector
from petafit.features.feature import Boolean, Categorical, Feature, Numeric, Vector


@dataclass(frozen=True)
class OutputColumn:
    """A column that a stage has added.

    Attributes
    ----------
    size : int
        The number of slots of its vectors; 0 of other columns.
    names : tuple of str
        Those of the slots, where Spark has any.
    """

    name: str
    type: pa.DataType
    size: int = 0
    names: tuple[str, ...] = ()

    @property
    def field(self) -> pa.Field:
        """Name and type in a batch."""
        return pa.field(self.name, self.type)

    @property
    def feature(self) -> Feature:
        """The column as a feature, its values as the stage has made them.

        Raises
        ------
        ConfigurationError
            Its type has no feature.
        """
        if is_vector(self.type):
            return Vector(self.name, self.size, self.names)
        if is_number(self.type):
            return Numeric(self.name, impute="none", scale="none")
        if is_boolean(self.type):
            return Boolean(self.name)
        if is_string(self.type):
            return Categorical(self.name)
        raise ConfigurationError(
            f"The column {self.name!r} of `stages` cannot be a feature",
            expected="a vector, a number, a boolean or a string",
            got=self.type,
            hint="Add a stage that makes one of it, or name the features by `outputs`.",
        )

    def to_plain(self) -> dict[str, Any]:
        """Return what `from_plain` needs, as JSON can hold it."""
        kind = "vector" if is_vector(self.type) else _NAMES[self.type]
        return {"name": self.name, "type": kind}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuild what a reader of batches needs; sizes and names are the features'."""
        return cls(str(plain["name"]), _TYPES[plain["type"]])


_TYPES: Mapping[str, pa.DataType] = {
    "vector": VECTOR,
    **{
        str(kind): kind
        for kind in (
            pa.bool_(),
            pa.int8(),
            pa.int16(),
            pa.int32(),
            pa.int64(),
            pa.float32(),
            pa.float64(),
            pa.string(),
        )
    },
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def chosen(
    outputs: Iterable[OutputColumn],
    *,
    wanted: Collection[str] | None,
    read: Collection[str],
    named: Collection[str],
) -> tuple[Feature, ...]:
    """Return the features that a group of stages makes by itself.

    Parameters
    ----------
    outputs : iterable of OutputColumn
        The columns of the group's stages.
    wanted : collection of str, optional
        The task's `outputs`.
    read : collection of str
        Columns that later stages read, which are features only where they are wanted.
    named : collection of str
        Columns of which other groups make features.

    Raises
    ------
    ConfigurationError
        There is no such column, or it cannot be a feature.
    """
    known = {column.name: column for column in outputs}
    if wanted is None:
        left = (column for name, column in known.items() if name not in read)
        return tuple(column.feature for column in left if column.name not in named)
    for name in wanted:
        if name not in known:
            raise ConfigurationError(
                f"No stage makes the column {name!r}, which `outputs` names",
                hint=did_you_mean(name, known),
            )
    return tuple(known[name].feature for name in wanted)
