"""Rows that only Spark reads: what is read, what is pinned, what is said where it cannot be."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.config.tables import Table
from petafit.errors import ConfigurationError, ContractError
from petafit.stream.scan.sources import as_table, open_source
from petafit.table.opening import open_table
from tests.releases import before

pytestmark = pytest.mark.spark

CSV = "id,city,speed\n1,a,1.5\n2,,2.5\n"


@pytest.fixture
def csv(tmp_path: Path) -> str:
    (tmp_path / "t.csv").write_text(CSV)
    return str(tmp_path / "t.csv")


def rows(spark: Any, **table: Any) -> list[tuple[Any, ...]]:
    _, frame = open_source(spark, Table(**table))
    return sorted((tuple(row) for row in frame.collect()), key=str)


def test_csv_has_a_header_and_types(spark: Any, csv: str) -> None:
    assert rows(spark, uri=csv, format="csv") == [(1, "a", 1.5), (2, None, 2.5)]


def test_declared_columns_and_options_are_used(spark: Any, csv: str) -> None:
    columns = "id string, city string, speed double"
    found = rows(spark, uri=csv, format="csv", columns=columns, options={"nullValue": "a"})
    assert found == [("1", None, 1.5), ("2", None, 2.5)]


@pytest.mark.parametrize("columns", ["id int, town string, speed double", "city string, id int"])
def test_a_header_that_says_otherwise_is_no_row_of_nulls(
    spark: Any, csv: str, columns: str
) -> None:
    with pytest.raises(Exception, match=r"FAILED_READ_FILE|schema"):
        rows(spark, uri=csv, format="csv", columns=columns)


def test_a_malformed_line_fails(spark: Any, csv: str) -> None:
    with pytest.raises(Exception, match=r"(?i)malformed"):
        rows(spark, uri=csv, format="csv", columns="id int, city int, speed double")


def test_json_and_globs(spark: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"city": name}))
    assert rows(spark, uri=f"{tmp_path}/*.json", format="json") == [("a",), ("b",)]


def test_a_query_over_views(spark: Any, csv: str) -> None:
    query = "SELECT city, count(*) AS n FROM trips GROUP BY city"
    views = {"trips": {"uri": csv, "format": "csv"}}
    assert rows(spark, sql=query, views=views) == [("a", 1), (None, 1)]


def test_partition_values_of_a_view_are_those_of_its_folders(spark: Any, tmp_path: Path) -> None:
    for month in ("01", "02"):
        folder = tmp_path / "t" / f"month={month}" / "city=a%2520b"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [int(month)]}), folder / "p.parquet")
    views = {"t": {"uri": str(tmp_path / "t")}}
    stored = open_table(Table(uri=str(tmp_path / "t")))
    expected = sorted((f.partition["month"], f.partition["city"]) for f in stored.files)
    assert rows(spark, sql="SELECT month, city FROM t", views=views) == expected


def test_views_do_not_stay_and_do_not_replace_those_of_the_caller(spark: Any, csv: str) -> None:
    spark.createDataFrame([(7,)], "x int").createOrReplaceTempView("trips")
    views = {name: {"uri": csv, "format": "csv"} for name in ("trips", "other trips")}
    query = "SELECT count(*) AS n FROM trips CROSS JOIN `other trips`"
    assert rows(spark, sql=query, views=views) == [(4,)]
    assert [row.x for row in spark.table("trips").collect()] == [7]
    assert not spark.catalog.tableExists("`other trips`")
    spark.catalog.dropTempView("trips")


def test_a_delta_table_of_the_catalog_is_pinned(spark: Any, tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    spark.range(3).write.format("delta").save(uri)
    spark.sql(f"CREATE TABLE pinned USING delta LOCATION '{uri}'")
    try:
        snapshot, frame = open_source(spark, Table(name="pinned"))
        spark.range(5).write.format("delta").mode("append").save(uri)
        assert (snapshot.version, frame.count()) == (0, 3)
        again, frame = open_source(spark, Table(name="pinned", version=1))
        assert (again.version, frame.count()) == (1, 8)
    finally:
        spark.sql("DROP TABLE pinned")


def test_columns_of_types_that_arrow_lacks_are_left_out(
    spark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    frame = spark.sql("SELECT 1 AS a, INTERVAL 1 YEAR AS b")
    snapshot, kept = as_table(frame, "it")
    assert (snapshot.schema.names, kept.columns) == (["a"], ["a"])
    assert "b (interval year)" in caplog.text


def test_two_columns_of_one_name_are_refused(spark: Any) -> None:
    with pytest.raises(ContractError, match="two columns of one name"):
        as_table(spark.sql("SELECT 1 AS a, 2 AS A"), "it")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "nowhere.orders"}, r"cannot read nowhere\.orders; got The table or view"),
        ({"sql": "SELECT * FROM nowhere"}, "cannot read query SELECT"),
        ({"sql": "SELEC 1"}, "cannot read query SELEC 1; got Syntax error"),
        ({"uri": "/nowhere/t.csv", "format": "csv"}, "Path does not exist"),
        (
            {"uri": "/nowhere/t.x", "format": "nonsense"},
            "This Spark lacks the format.*nonsense.*spark.jars.packages",
        ),
        ({"uri": "/nowhere", "format": "csv", "columns": "a b c d"}, "cannot read /nowhere"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    spark: Any, table: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_source(spark, Table(**table))


def test_orc_and_a_database_give_the_same_rows(spark: Any, tmp_path: Path) -> None:
    expected = [(1, "a", 1.5), (2, None, 2.5)]
    frame = spark.createDataFrame(expected, "id int, city string, speed double")
    frame.write.orc(str(tmp_path / "trips"))
    assert rows(spark, uri=str(tmp_path / "trips"), format="orc") == expected
    package = "jdbc" if before(spark, 4, 0) else "iapi.jdbc"  # by the release of Derby
    database = {
        "url": f"jdbc:derby:{tmp_path}/database;create=true",
        "driver": f"org.apache.derby.{package}.AutoloadedDriver",
    }
    frame.write.format("jdbc").options(**database, dbtable="trips").save()
    assert rows(spark, format="jdbc", options={**database, "dbtable": "trips"}) == expected
    query = {**database, "query": 'SELECT "id" FROM trips WHERE "speed" > 2'}
    assert rows(spark, format="jdbc", options=query) == [(2,)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"uri": "/tmp", "format": "avro"}, "lacks the format.*spark.jars.packages.*spark-avro"),
        ({"uri": "db.trips", "format": "iceberg"}, "lacks the format.*iceberg-spark-runtime"),
        (
            {"format": "jdbc", "options": {"url": "jdbc:nosuch:x", "dbtable": "t"}},
            "lacks the database's driver.*spark.jars.packages",
        ),
        (
            {
                "format": "jdbc",
                "options": {"url": "jdbc:x:y", "dbtable": "t", "driver": "org.example.Driver"},
            },
            "lacks the database's driver.*spark.jars.packages",
        ),
    ],
)
def test_what_needs_a_jar_that_is_absent_names_it(
    spark: Any, source: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_source(spark, Table(**source))
