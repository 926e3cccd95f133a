"""The inputs of an exported graph: one for each column, with a value that stands for null.

ONNX has no null. A text is null where it is `NULL_TEXT`; an integer of a category, a date or a
timestamp where it is `NULL_INTEGER`, which numpy's ``NaT`` is; any other number where it is NaN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.errors import ConfigurationError
from petafit.features.columns import is_boolean, is_date, is_integer, is_string, value_type
from petafit.features.encoding.numeric import numbers
from petafit.features.feature import Categorical, Cross, Feature

NULL_TEXT = "\\N"
NULL_INTEGER = -(2**63)

Form = Literal["text", "integer", "days", "microseconds", "number"]

DOCS: Mapping[Form, str] = {
    "text": f"text; {NULL_TEXT} is null",
    "integer": f"a whole number; {NULL_INTEGER} is null",
    "days": f"days since 1970-01-01; {NULL_INTEGER} is null",
    "microseconds": f"microseconds since 1970-01-01 UTC; {NULL_INTEGER} is null",
    "number": "a number, or 0 and 1 for false and true; NaN is null",
}


@dataclass(frozen=True)
class Input:
    """The input of a column."""

    name: str
    form: Form

    def values(self, column: pa.Array) -> np.ndarray:
        """Return a column's values in this form, (n_rows,)."""
        match self.form:
            case "text":
                texts = column.cast(pa.string()).fill_null(NULL_TEXT)
                return np.asarray(texts.to_numpy(zero_copy_only=False))
            case "number":
                return numbers(column.cast(pa.int8()) if is_boolean(column.type) else column)
            case "days":
                column = column.cast(pa.date32()).cast(pa.int32())
            case "microseconds":
                zoned = pa.timestamp("us", column.type.tz)
                column = column.cast(zoned, safe=False).cast(pa.int64())
            case _:
                column = pc.cast(column, pa.int64())
        filled = column.cast(pa.int64()).fill_null(NULL_INTEGER)
        return np.asarray(filled.to_numpy(zero_copy_only=False))


def inputs_of(features: Sequence[Feature], schema: pa.Schema) -> dict[str, Input]:
    """Return the input of every column.

    Raises
    ------
    ConfigurationError
        A category is of unsigned numbers of 64 bits, or a column holds nothing but null.
    """
    categories = {
        part.column
        for feature in features
        for part in (feature.parts if isinstance(feature, Cross) else (feature,))
        if type(part) is Categorical
    }
    return {f.name: Input(f.name, _form(f, f.name in categories)) for f in schema}


def _form(field: pa.Field, is_category: bool) -> Form:
    kind = value_type(field.type)
    if is_string(kind):
        return "text"
    if is_date(kind):
        return "days" if pa.types.is_date(kind) else "microseconds"
    if is_integer(kind) and is_category:
        if kind == pa.uint64():
            raise _refused(field, "signed numbers, or text")
        return "integer"
    if pa.types.is_null(kind):
        raise _refused(field, "a type")
    return "number"


def _refused(field: pa.Field, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"The column {field.name!r} cannot be an input of ONNX",
        expected=expected,
        got=field.type,
        hint="Cast it in the table, and train again.",
    )
