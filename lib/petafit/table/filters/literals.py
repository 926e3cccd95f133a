"""Literals of conditions as column values; literals and column names in Spark SQL."""

import datetime
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa

from petafit.config.section import Scalar
from petafit.table.columns import canonical

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")
_MOST_SIGNED = 2**63 - 1
_SPARK_DIGITS = 38  # the largest precision of a decimal literal in Spark


def as_value(literal: Scalar, kind: pa.DataType) -> pa.Scalar:
    """Convert a literal to the value that a column of some type is compared with.

    Floating columns are compared as float64 and decimals exactly, as Spark compares them. A
    timestamp without a zone means UTC.

    Raises
    ------
    TypeError, ValueError, ArithmeticError
        The literal is not a value of this type.
    """
    plain = canonical(kind)
    if pa.types.is_boolean(plain):
        return pa.scalar(_of(literal, bool), plain)
    if pa.types.is_integer(plain):
        number = _of(literal, int, float)
        if number != int(number):
            raise ValueError(f"{number} is not whole")
        return pa.scalar(int(number), plain)
    if pa.types.is_floating(plain):
        return pa.scalar(float(_of(literal, int, float)), pa.float64())
    if pa.types.is_decimal(plain):
        return pa.scalar(Decimal(repr(_of(literal, int, float))))
    if pa.types.is_date(plain):
        return pa.scalar(datetime.date.fromisoformat(_written(literal, _DATE)), plain)
    if pa.types.is_timestamp(plain):
        return _moment(_written(literal, _MOMENT), plain)
    if pa.types.is_string(plain):
        return pa.scalar(_of(literal, str), kind)
    raise TypeError(f"columns of type {plain} cannot be compared")


def as_sql(literal: Scalar) -> str:
    """Format a literal in Spark SQL; text is left for Spark to cast to the column's type.

    Examples
    --------
    >>> print(as_sql("O'Hare"), as_sql(1e-6), as_sql(True))
    'O\\'Hare' 0.000001 TRUE
    """
    if isinstance(literal, bool):
        return str(literal).upper()
    if isinstance(literal, int):
        return str(literal)
    if isinstance(literal, float):
        exact = format(Decimal(repr(literal)), "f")
        return exact if len(exact) <= _SPARK_DIGITS else f"{literal!r}D"
    # Spark substitutes ${...} in SQL before it parses, within strings too.
    escaped = literal.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\u0024")
    return f"'{escaped}'"


def quoted(column: str) -> str:
    """Quote a column's name in Spark SQL, whatever characters it has.

    Examples
    --------
    >>> quoted("arr. delay")
    '`arr. delay`'
    """
    return f"`{column.replace('`', '``')}`"


def _of(literal: Scalar, *kinds: type) -> Any:
    if not isinstance(literal, kinds) or (isinstance(literal, bool) and bool not in kinds):
        raise TypeError(f"{literal!r} is of another kind")
    return literal


def _written(literal: Scalar, pattern: re.Pattern[str]) -> str:
    text: str = _of(literal, str)
    if not pattern.fullmatch(text):
        raise ValueError(f"{text!r} is not in ISO 8601 form")
    return text


def _moment(text: str, kind: pa.DataType) -> pa.Scalar:
    moment = datetime.datetime.fromisoformat(text)
    if kind.tz is None and moment.tzinfo is not None:
        raise ValueError(f"{text!r} has a zone, the column has none")
    if kind.tz is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    value = pa.scalar(moment, pa.timestamp("us", kind.tz))
    if kind.unit == "ns":  # whose range is 1677 to 2262: a moment outside is clipped to it
        value = pa.scalar(min(max(1000 * value.value, -_MOST_SIGNED), _MOST_SIGNED), kind)
    return value
