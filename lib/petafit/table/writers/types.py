"""The types in which tables are written: each one that Delta, Spark and Arrow all have."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from petafit.errors import ConfigurationError, ContractError
from petafit.table.columns import canonical, leaves

_IS = pa.types
_DIGITS = 38
"""The most that a decimal of Delta and Spark has."""

_WIDER: dict[pa.DataType, pa.DataType] = {
    pa.null(): pa.string(),
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
}
"""Types that Delta lacks, and the narrowest of its own that hold all their values."""

_AS_THEY_ARE: tuple[Callable[[pa.DataType], bool], ...] = (
    _IS.is_boolean,
    _IS.is_signed_integer,
    _IS.is_float32,
    _IS.is_float64,
    _IS.is_string,
    _IS.is_binary,
    _IS.is_date32,
)

_LISTS: tuple[Callable[[pa.DataType], bool], ...] = (
    _IS.is_list,
    _IS.is_large_list,
    _IS.is_list_view,
    _IS.is_large_list_view,
    _IS.is_fixed_size_list,
)


def written_type(kind: pa.DataType) -> pa.DataType:
    """Return the type in which a table stores values of a type.

    Nothing is lost but what timestamps have below a microsecond. Times of day and decimals of more
    than 38 digits become text.

    Raises
    ------
    TypeError
        There is none.

    Examples
    --------
    >>> written_type(pa.uint64())
    Decimal128Type(decimal128(20, 0))
    >>> written_type(pa.list_(pa.timestamp("ns", "Asia/Tokyo")))
    ListType(list<element: timestamp[us, tz=UTC]>)
    """
    plain = canonical(kind)
    if plain in _WIDER:
        return _WIDER[plain]
    if any(fits(plain) for fits in _AS_THEY_ARE):
        return plain
    if _IS.is_timestamp(plain):
        return pa.timestamp("us", plain.tz)
    if _IS.is_time(plain):
        return pa.string()
    if _IS.is_decimal(plain):
        return _written_decimal(plain)
    if any(fits(plain) for fits in _LISTS):
        return pa.list_(pa.field("element", written_type(plain.value_type)))
    if _IS.is_map(plain):
        return pa.map_(written_type(plain.key_type), written_type(plain.item_type))
    if _IS.is_struct(plain):
        return pa.struct([(field.name, written_type(field.type)) for field in plain])
    raise TypeError(f"no table keeps values of type {plain}")


def written_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of a table written from rows with this schema.

    Raises
    ------
    ConfigurationError
        Names a column that has no type of a table.
    """
    return pa.schema([(field.name, _type_of(field)) for field in schema])


def as_written(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Cast rows to the types of `written_schema`.

    Raises
    ------
    ContractError
        A value lies beyond what the table's type holds.
    """
    schema = written_schema(batch.schema)
    columns = [_cast(values, field) for values, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def loses_nanoseconds(kind: pa.DataType) -> bool:
    """Return whether values of a type, or nested ones, are written without their nanoseconds."""
    return any(_IS.is_timestamp(leaf) and leaf.unit == "ns" for leaf in leaves(kind))


def _written_decimal(kind: pa.DataType) -> pa.DataType:
    """Return a decimal of at most 38 digits and a valid scale; text if that is too narrow."""
    digits, scale = kind.precision, kind.scale
    whole = max(digits - scale, 0)
    scale = max(scale, 0)
    fits = whole + scale <= _DIGITS
    return pa.decimal128(max(whole + scale, 1), scale) if fits else pa.string()


def _type_of(column: pa.Field) -> pa.DataType:
    try:
        return written_type(column.type)
    except TypeError as error:
        raise ConfigurationError(
            f"The column {column.name!r} cannot be written: no table has its type",
            expected="a type that Delta and Spark have",
            got=column.type,
            hint="Cast it in the table that is read, or leave it out of `keys`.",
        ) from error


def _cast(values: pa.Array, column: pa.Field) -> pa.Array:
    if values.type == column.type:
        return values
    options = pc.CastOptions(column.type, allow_time_truncate=True)
    try:
        return pc.cast(values, options=options)
    except pa.ArrowInvalid as error:
        raise ContractError(
            f"The column {column.name!r} has a value that no table holds",
            expected=f"values of type {column.type}",
            got=str(error),
            hint="Filter such rows, or leave the column out of `keys`.",
        ) from error
