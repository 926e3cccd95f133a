"""The Arrow types of a table's columns, the same whichever program wrote its files."""

import pyarrow as pa
import pyarrow.parquet as pq

STRINGS = pa.dictionary(pa.int32(), pa.string())


def canonical(kind: pa.DataType) -> pa.DataType:
    """The one type that stands for all of Arrow's variants of it.

    Examples
    --------
    >>> canonical(pa.dictionary(pa.int8(), pa.large_string()))
    DataType(string)
    >>> canonical(pa.timestamp("ms", "Europe/Berlin"))
    TimestampType(timestamp[ms, tz=UTC])
    """
    if pa.types.is_dictionary(kind):
        return canonical(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, "UTC")
    return kind


def carried(kind: pa.DataType) -> pa.DataType:
    """The type in which batches carry a column: strings as dictionaries, all else canonical."""
    plain = canonical(kind)
    return STRINGS if pa.types.is_string(plain) else plain


def table_schema(schema: pa.Schema) -> pa.Schema:
    """Canonical types, every column nullable, no metadata: what tables are compared by."""
    return pa.schema([(field.name, canonical(field.type)) for field in schema])


def footer_schema(footer: pq.FileMetaData) -> pa.Schema:
    """The `table_schema` of a Parquet file.

    INT96 is how Spark and Hive write instants: UTC, kept here in microseconds.
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
