"""Columns of which features are made: their Arrow types, and selection by name, glob or type."""

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa

from petafit.errors import ConfigurationError, PetafitError, did_you_mean
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Cross,
    Cyclic,
    DatePart,
    Feature,
    Indicator,
    Lookup,
    Numeric,
    QuantileBinned,
    Text,
    Vector,
)
from petafit.table.columns import has_column

_IS = pa.types

_VECTOR_FIELDS = ["type", "size", "indices", "values"]

VECTOR = pa.struct(
    [
        ("type", pa.int8()),
        ("size", pa.int32()),
        ("indices", pa.list_(pa.field("element", pa.int32()))),
        ("values", pa.list_(pa.field("element", pa.float64()))),
    ]
)
"""The type of Spark ML's vectors: of type 0 are sparse ones, with indices, and of type 1 dense."""


def value_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values; for a dictionary, that of its values."""
    return kind.value_type if _IS.is_dictionary(kind) else kind


def is_string(kind: pa.DataType) -> bool:
    kind = value_type(kind)
    return bool(_IS.is_string(kind) or _IS.is_large_string(kind) or _IS.is_string_view(kind))


def is_integer(kind: pa.DataType) -> bool:
    return bool(_IS.is_integer(value_type(kind)))


def is_float(kind: pa.DataType) -> bool:
    """Return whether a type is a float or decimal."""
    return bool(_IS.is_floating(kind) or _IS.is_decimal(kind))


def is_number(kind: pa.DataType) -> bool:
    return bool(_IS.is_integer(kind)) or is_float(kind)


def is_boolean(kind: pa.DataType) -> bool:
    return bool(_IS.is_boolean(kind))


def is_date(kind: pa.DataType) -> bool:
    """Return whether a type is a date or timestamp."""
    return bool(_IS.is_date(kind) or _IS.is_timestamp(kind))


SELECTABLE: dict[str, Callable[[pa.DataType], bool]] = {
    "string": is_string,
    "integer": is_integer,
    "float": is_float,
    "number": is_number,
    "boolean": is_boolean,
    "date": is_date,
}
"""The types that ``type:…`` selects."""


def check_columns(
    features: Iterable[Feature], schema: pa.Schema, *, error: type[PetafitError]
) -> None:
    """Raise `error` if a feature's column is missing or of an unsuitable type."""
    for feature in features:
        for part in feature.parts if isinstance(feature, Cross) else (feature,):
            if not has_column(schema, part.column):
                raise error(
                    f"The column {part.column!r} is missing",
                    hint=did_you_mean(part.column, schema.names),
                )
            kind = schema.field(part.column).type
            expected, hint = _fit(part, kind)
            if expected is not None:
                raise error(
                    f"The feature {feature.name!r} cannot be made from the column {part.column!r}",
                    expected=expected,
                    got=kind,
                    hint=hint,
                )


def is_vector(kind: pa.DataType) -> bool:
    """Return whether a type is that of Spark ML's vectors, as Arrow has them."""
    return bool(_IS.is_struct(kind)) and [field.name for field in kind] == _VECTOR_FIELDS


def _fit(
    feature: Numeric | Categorical | Cyclic | Lookup | Text | Vector, kind: pa.DataType
) -> tuple[str | None, str]:
    """Return the type that the feature expects, None if the column's fits, and a hint.

    Nulls fit every feature.
    """
    match feature:
        case _ if _IS.is_null(value_type(kind)):
            return None, ""
        case Numeric() | Indicator() | Binned() | QuantileBinned():
            return None if is_number(kind) else "a number", _number_hint(kind)
        case Vector():
            return None if is_vector(kind) else "a vector of Spark ML", ""
        case Text():
            hint = "" if is_date(kind) or is_float(kind) else "Use `categorical:`."
            return None if is_string(kind) else "a string", hint
        case Boolean():
            return None if is_boolean(kind) else "a boolean", ""
        case DatePart(part="hour" | "minute") | Cyclic(part="hour" | "minute") if _IS.is_date(kind):
            return "a timestamp", "Dates have no time of day: leave hour and minute out."
        case DatePart() | Cyclic():
            return None if is_date(kind) else "a date or timestamp", ""
        case _:
            fits = is_string(kind) or is_integer(kind) or is_boolean(kind)
            return None if fits else "a string, integer or boolean", _category_hint(feature, kind)


def _number_hint(kind: pa.DataType) -> str:
    if is_boolean(kind):
        return "Use `boolean:`."
    if is_string(kind):
        return "Use `categorical:`, or cast the column in the table if its text is a number."
    return ""


def _category_hint(feature: Categorical | Lookup, kind: pa.DataType) -> str:
    if is_float(kind):
        return f"Use `numeric:`, or `binned:`, which makes the category {feature.column}_bin."
    return "Use `date:`, which makes the date's parts categories." if is_date(kind) else ""


_TYPE = "type:"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a declaration may select.

    Attributes
    ----------
    schema : pyarrow.Schema
    label : str or None
        Never a feature: it would leak the target.
    hidden : frozenset of str
        Label, weight, keys and pandas' index, which no pattern selects.
    """

    schema: pa.Schema
    label: str | None
    hidden: frozenset[str]

    @property
    def open(self) -> tuple[str, ...]:
        """The columns that a pattern can select."""
        return tuple(name for name in self.schema.names if name not in self.hidden)

    def select(self, selector: str) -> tuple[str, ...]:
        """Return the columns selected by a name, a glob or ``type:…``, in the table's order.

        Raises
        ------
        ConfigurationError
            An unknown column or type, a pattern without a match, or the label.
        """
        if not self.is_pattern(selector):
            return (self.named(selector),)
        matches = self._of_type(selector) if selector.startswith(_TYPE) else self._like(selector)
        if not matches:
            raise ConfigurationError(
                f"`features:` selects {selector!r}, which matches no column",
                hint=f"The columns are {', '.join(map(repr, self.open))}.",
            )
        return matches

    def is_pattern(self, selector: str) -> bool:
        if has_column(self.schema, selector):
            return False
        return selector.startswith(_TYPE) or any(sign in selector for sign in "*?[")

    def named(self, name: str) -> str:
        """Return a column by its name."""
        if name == self.label:
            raise ConfigurationError(
                f"The label {name!r} cannot be a feature: it would leak the target",
                hint="Remove it from `features:`.",
            )
        if not has_column(self.schema, name):
            raise ConfigurationError(
                f"`features:` names {name!r}, which is not a column of the table",
                hint=did_you_mean(name, self.open),
            )
        return name

    def _like(self, glob: str) -> tuple[str, ...]:
        exact = tuple(name for name in self.open if fnmatch.fnmatchcase(name, glob))
        if exact:
            return exact
        return tuple(n for n in self.open if fnmatch.fnmatchcase(n.lower(), glob.lower()))

    def _of_type(self, selector: str) -> tuple[str, ...]:
        kind = selector.removeprefix(_TYPE).strip()
        if kind not in SELECTABLE:
            raise ConfigurationError(
                f"`features:` selects {selector!r}, and {kind!r} is not a type",
                hint=did_you_mean(kind, SELECTABLE),
            )
        fits = SELECTABLE[kind]
        return tuple(name for name in self.open if fits(self.schema.field(name).type))
