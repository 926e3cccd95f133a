"""Types in which Spark reads a Parquet table's columns."""

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql.pandas.types import from_arrow_type
from pyspark.sql.types import StructField

from petafit.errors import ConfigurationError
from petafit.table.columns import leaves
from petafit.table.writers.types import written_type

_SPARK_DIGITS = 38


def spark_field(column: pa.Field) -> StructField:
    """Return the field of a column in the schema given to Spark.

    Raises
    ------
    ConfigurationError
        Spark's Parquet reader has no such type.
    """
    if any(map(_is_foreign, leaves(column.type))):
        raise _unreadable(column)
    try:
        kind = column.type if pa.types.is_null(column.type) else written_type(column.type)
        return StructField(column.name, from_arrow_type(kind, prefer_timestamp_ntz=True))
    except (PySparkException, TypeError) as error:
        raise _unreadable(column) from error


def _is_foreign(kind: pa.DataType) -> bool:
    """Return whether Spark has no type for this type's representation in Parquet files."""
    return bool(
        (pa.types.is_timestamp(kind) and kind.unit == "ns")
        or (pa.types.is_decimal(kind) and kind.precision > _SPARK_DIGITS)
        or pa.types.is_time(kind)
        or pa.types.is_duration(kind)
        or pa.types.is_float16(kind)
    )


def _unreadable(column: pa.Field) -> ConfigurationError:
    return ConfigurationError(
        f"Spark cannot read column {column.name!r}",
        got=f"type {column.type}",
        hint="Leave it out, or set `stream: direct`.",
    )
