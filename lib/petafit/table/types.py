"""Canonical Arrow types of a table's columns, whichever program wrote its files."""

from collections.abc import Iterator
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

STRINGS = pa.dictionary(pa.int32(), pa.string())

_IS = pa.types
_BINARY = (_IS.is_large_binary, _IS.is_binary_view, _IS.is_fixed_size_binary)


@lru_cache(maxsize=1024)
def canonical(kind: pa.DataType) -> pa.DataType:
    """Return the canonical type of all of Arrow's variants of a type.

    Examples
    --------
    >>> canonical(pa.dictionary(pa.int8(), pa.large_string()))
    DataType(string)
    >>> canonical(pa.timestamp("ms", "Europe/Berlin"))
    TimestampType(timestamp[us, tz=UTC])
    >>> canonical(pa.struct([pa.field("a", pa.large_string(), nullable=False)]))
    StructType(struct<a: string>)
    >>> canonical(pa.uuid())
    DataType(binary)
    """
    if isinstance(kind, pa.BaseExtensionType):
        return canonical(kind.storage_type)
    if _IS.is_dictionary(kind) or _IS.is_run_end_encoded(kind):
        return canonical(kind.value_type)
    if _IS.is_large_string(kind) or _IS.is_string_view(kind):
        return pa.string()
    if any(fits(kind) for fits in _BINARY):
        return pa.binary()
    # for which Arrow has few compute functions
    if _IS.is_decimal32(kind) or _IS.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if _IS.is_date64(kind):
        return pa.date32()
    if _IS.is_timestamp(kind):
        # files of one table may have either, as in Spark
        unit = "ns" if kind.unit == "ns" else "us"
        return pa.timestamp(unit, None if kind.tz is None else "UTC")
    if _IS.is_struct(kind):
        return pa.struct([(field.name, canonical(field.type)) for field in kind])
    if _IS.is_list(kind) or _IS.is_large_list(kind):
        return pa.list_(pa.field("element", canonical(kind.value_type)))
    if _IS.is_map(kind):
        return pa.map_(canonical(kind.key_type), canonical(kind.item_type))
    return kind


def leaves(kind: pa.DataType) -> Iterator[pa.DataType]:
    """Yield the canonical types of a column's values: its own, or those it nests.

    Examples
    --------
    >>> list(leaves(pa.list_(pa.struct({"a": pa.int8(), "b": pa.large_string()}))))
    [DataType(int8), DataType(string)]
    """
    plain = canonical(kind)
    if not plain.num_fields:
        yield plain
    for number in range(plain.num_fields):
        yield from leaves(plain.field(number).type)


def carried(kind: pa.DataType) -> pa.DataType:
    """Return the type in which batches carry a column: strings as dictionaries, else canonical."""
    plain = canonical(kind)
    return STRINGS if _IS.is_string(plain) else plain


def has_column(schema: pa.Schema, name: str) -> bool:
    """Return whether a schema has a column, in constant time; ``schema.names`` makes a list.

    Examples
    --------
    >>> has_column(pa.schema({"a": pa.string()}), "a")
    True
    """
    return bool(schema.get_all_field_indices(name))


def table_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema by which tables are compared: canonical, nullable, without metadata."""
    return pa.schema([(field.name, canonical(field.type)) for field in schema])


def footer_schema(footer: pq.FileMetaData) -> pa.Schema:
    """Return the `table_schema` of a Parquet file.

    INT96 is Spark's and Hive's type of instants: UTC, converted here to microseconds.
    """
    int96 = {
        column.path
        for column in map(footer.schema.column, range(len(footer.schema)))
        if column.physical_type == "INT96"
    }
    instant = pa.timestamp("us", "UTC")
    return pa.schema(
        [
            (field.name, instant if field.name in int96 else canonical(field.type))
            for field in footer.schema.to_arrow_schema()
        ]
    )
