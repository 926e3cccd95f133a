"""Newer calls of PySpark for the older releases: each goes with the last release that lacks it."""

import inspect
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import DataType, StructField, StructType

from petafit.errors import ContractError


def arrow_schema(schema: StructType) -> pa.Schema:
    """Return the Arrow schema of a frame's rows, instants in UTC.

    Before 4.2 they always are.
    """
    if "timezone" in inspect.signature(to_arrow_schema).parameters:
        return to_arrow_schema(schema, timezone="UTC")
    return to_arrow_schema(schema)


def arrow_type(kind: DataType) -> pa.DataType:
    """Return the Arrow type of a column, instants in UTC."""
    return arrow_schema(StructType([StructField("column", kind)])).field(0).type


def schema_of(frame: DataFrame) -> StructType:
    """Return a frame's schema, for which Spark 3.5 has no type of calendar intervals.

    Raises
    ------
    ContractError
        There is such a column, which keeps this Spark from describing any.
    """
    try:
        return frame.schema
    except AssertionError as error:
        raise ContractError(
            "Spark 3.5 cannot describe the columns of a frame with calendar intervals",
            hint="Drop these columns, or cast them to a type that tables have.",
        ) from error


def arrow_table(frame: DataFrame) -> pa.Table:
    """Return a frame's rows: from 4.0, `DataFrame.toArrow`."""
    if hasattr(frame, "toArrow"):
        return frame.toArrow()
    older: Any = frame
    return pa.Table.from_batches(older._collect_as_arrow(), arrow_schema(frame.schema))


def frame_of(session: SparkSession, rows: pa.Table) -> DataFrame:
    """Return rows as a frame: from 4.0, `SparkSession.createDataFrame` takes them."""
    if hasattr(DataFrame, "toArrow"):
        return session.createDataFrame(rows)
    schema = from_arrow_schema(rows.schema)
    batches = rows.cast(arrow_schema(schema)).to_batches()
    return session.range(1, numPartitions=1).mapInArrow(lambda _: iter(batches), schema)


def rebalanced(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Divide rows by columns in even parts: Spark 3.5 takes names for literals."""
    if hasattr(frame, "toArrow"):
        return frame.hint("rebalance", *columns)
    older: Any = frame
    query = f"SELECT /*+ REBALANCE({', '.join(columns)}) */ * FROM {{rows}}"
    return older.sparkSession.sql(query, rows=frame)


def file_metadata(frame: DataFrame) -> Column:
    """Return the hidden column about a row's file: from 4.0, `DataFrame.metadataColumn`.

    Its name alone would mean the table's own column of that name.
    """
    if hasattr(frame, "metadataColumn"):
        return frame.metadataColumn("_metadata")
    older: Any = frame
    made: Any = Column
    return made(older._jdf.metadataColumn("_metadata"))
