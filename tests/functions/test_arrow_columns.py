"""Columns by functions of Arrow arrays: Spark's own Arrow UDFs, and what stands in before 4.1."""

import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, LongType, StringType, TimestampType

from petafit.functions import arrow_columns
from petafit.functions.arrow_columns import ArrowColumn, register, with_arrow_columns
from petafit.spark.compatibility import arrow_table, frame_of

pytestmark = pytest.mark.spark

AT = datetime.datetime(2013, 1, 5, 7, 30, 0, 123456, datetime.UTC)

ROWS = pa.table(
    {
        "a.b": pa.array(["x", None, "é"]),
        "n": pa.array([1, 2**60, -3], pa.int64()),
        "gap": pa.array([1, None, 2**53], pa.int64()),
        "at": pa.array([AT, None, AT], pa.timestamp("us", "UTC")),
        "l": pa.array([[1, 2], None, []], pa.list_(pa.int64())),
    }
)


@pytest.fixture(params=["of this Spark", "before 4.1"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "before 4.1":
        monkeypatch.setattr(arrow_columns, "_HAS_ARROW_UDFS", False)


def doubled(numbers: pa.Array) -> pa.Array:
    return pc.multiply(numbers, 2)


def same(values: pa.Array) -> pa.Array:
    return values


def lengths(texts: pa.Array, lists: pa.Array) -> pa.Array:
    return pc.add(pc.utf8_length(texts), pc.list_value_length(lists)).cast(pa.int64())


@pytest.mark.usefixtures("way")
def test_columns_are_added_and_replaced_and_the_others_stay(spark: SparkSession) -> None:
    columns = {
        "n": ArrowColumn(doubled, ["n"], LongType()),
        "c.d": ArrowColumn(lengths, ["`a.b`", "l"], LongType()),
        "again": ArrowColumn(same, ["l"], ArrayType(LongType())),
    }
    found = with_arrow_columns(frame_of(spark, ROWS), columns)
    assert found.columns == [*ROWS.column_names, "c.d", "again"]
    expected = ROWS.to_pydict() | {
        "n": [2, 2**61, -6],
        "c.d": [3, None, 1],
        "again": [[1, 2], None, []],
    }
    assert arrow_table(found).to_pydict() == expected


@pytest.mark.usefixtures("way")
def test_queries_call_them_by_name_with_exact_values(spark: SparkSession) -> None:
    register(spark, "same_text", same, StringType())
    register(spark, "twice", doubled, LongType())
    register(spark, "same_time", same, TimestampType())
    frame_of(spark, ROWS).createOrReplaceTempView("given_rows")
    query = "SELECT same_text(`a.b`) t, twice(n) n, twice(gap) g, same_time(at) at FROM given_rows"
    assert arrow_table(spark.sql(query)).to_pydict() == {
        "t": ["x", None, "é"],
        "n": [2, 2**61, -6],
        "g": [2, None, 2**54],
        "at": [AT, None, AT],
    }


def test_integers_that_pandas_would_round_are_refused_before_4_1(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_columns, "_HAS_ARROW_UDFS", False)
    register(spark, "twice", doubled, LongType())
    values = pa.table({"n": pa.array([2**60, None], pa.int64())})
    frame_of(spark, values).coalesce(1).createOrReplaceTempView("large_numbers")
    with pytest.raises(PythonException, match=r"rounds integers beyond 2\^53 beside nulls.*twice"):
        spark.sql("SELECT twice(n) FROM large_numbers").collect()
