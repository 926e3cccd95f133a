"""The scan by Spark: right for every table, and the same rows as direct reading where that is."""

import re
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.errors import PySparkException

from petafit.config.settings import Table
from petafit.errors import ConfigurationError, ContractError, StorageError
from petafit.spark.compatibility import arrow_table
from petafit.stream.scan.stream import ScanSource, scan
from petafit.stream.scan.unreadable import naming_files
from petafit.table.filters.literals import quoted
from petafit.table.filters.predicate import parse
from petafit.table.opening import open_table

pytestmark = pytest.mark.spark

FRAME = r"""
    SELECT id, CAST(id AS INT) AS i, CAST(id AS FLOAT) AS f, id % 2 = 0 AS late,
        CASE id % 5 WHEN 0 THEN NULL WHEN 1 THEN "it's" WHEN 2 THEN 'a"\\b' WHEN 3 THEN '$\{x}'
            ELSE 'ü%20' END AS s,
        DATE_ADD(DATE'2020-01-01', CAST(id AS INT)) AS day,
        TIMESTAMP'2020-01-01 00:00:00' + id * INTERVAL '1.5' SECOND AS then,
        TIMESTAMP_NTZ'2020-01-01 00:00:00' + id * INTERVAL '1' HOUR AS naive,
        CAST(id / 3 AS DECIMAL(12, 4)) AS amount,
        CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN 'a b' WHEN 2 THEN 'a%20b' ELSE 'ü=/x' END AS p,
        CASE id % 3 WHEN 0 THEN NULL ELSE DATE_ADD(DATE'2021-01-01', CAST(id % 3 AS INT)) END AS d
    FROM RANGE(40)
"""
# Each with the numbers of the rows that meet it.
CONDITIONS = [
    ([], range(40)),
    (['s in ["it\'s", \'a"\\b\', "${x}"]'], [i for i in range(40) if i % 5 in (1, 2, 3)]),
    (["s != 'ü%20'", "late == true"], [i for i in range(0, 40, 2) if i % 5 not in (0, 4)]),
    (["day > 2020-01-05", "day not in [2020-01-07, 2020-01-08]"], [5, *range(8, 40)]),
    (["then >= 2020-01-01 00:00:06.5", "then < 2020-01-01T01:00:15+01:00"], range(5, 10)),
    (["naive == 2020-01-01 03:00"], [3]),
    (["amount <= 3.3333", "amount > 0.5", "f < 7.5", "i not in [3, 4]"], [2, 5, 6, 7]),
    (["p == 'a%20b'", "i > 5"], range(6, 40, 4)),
    (["p in ['a b', 'ü=/x']", "d == 2021-01-02"], [i for i in range(1, 40, 2) if i % 3 == 1]),
    (["p is null", "s is not null"], [i for i in range(0, 40, 4) if i % 5]),
]


@pytest.fixture(scope="module")
def tables(spark, tmp_path_factory):
    """One table of each kind that direct reading must get right, or refuse."""
    root = tmp_path_factory.mktemp("tables")
    frame = spark.sql(FRAME).coalesce(1).cache()

    def delta(name, partitions=(), rows=frame, **properties):
        writer = rows.write.format("delta").partitionBy(*partitions)
        writer.options(**properties).save(str(root / name))
        return f"delta.`{root / name}`"

    delta("partitioned", ("p", "d"))
    deleted = delta("deleted", **{"delta.enableDeletionVectors": "true"})
    spark.sql(f"DELETE FROM {deleted} WHERE id % 7 = 1")
    altered = delta(
        "altered",
        ("p",),
        frame.withColumn("i", frame["i"].cast("smallint")),
        **{"delta.columnMapping.mode": "name", "delta.enableTypeWidening": "true"},
    )
    spark.sql(f"ALTER TABLE {altered} RENAME COLUMN s TO text")
    spark.sql(f"ALTER TABLE {altered} CHANGE COLUMN i TYPE INT")
    delta("evolved")
    later = frame.withColumn("extra", frame.id).write.option("mergeSchema", True)
    later.format("delta").mode("append").save(str(root / "evolved"))
    frame.write.partitionBy("p", "d").parquet(str(root / "parquet"))
    return root


@pytest.fixture
def scanned(spark):
    """The rows of a scan, as a worker receives them."""

    def rows(uri, *conditions, columns=None, version=None):
        snapshot = open_table(Table(uri=str(uri), version=version))
        names = snapshot.schema.names if columns is None else columns
        source = ScanSource.of(spark, snapshot, names, parse(conditions))
        plain = pa.schema(
            [
                (field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
                for field in source.schema
            ]
        )
        frame, unbound = source.for_tasks()
        kept = source.frame.select(*map(quoted, names)).schema
        answer = frame.mapInArrow(partial(_worked, unbound, plain), kept)
        return arrow_table(answer).cast(plain).to_pylist()

    return rows


def _worked(source, plain, batches):
    """A worker's batches; Spark takes no dictionaries back."""
    for batch in source.receiving(batches).read(0):
        assert batch.schema == source.schema
        assert batch.num_rows
        yield pa.RecordBatch.from_arrays(
            [column.cast(field.type) for column, field in zip(batch.columns, plain, strict=True)],
            schema=plain,
        )


def ordered(rows):
    return sorted(rows, key=lambda row: (row["id"], str(row)))


@pytest.mark.parametrize("kind", ["partitioned", "parquet"])
@pytest.mark.parametrize(("conditions", "expected"), CONDITIONS)
def test_both_ways_give_the_same_rows(tables, direct, rows_of, scanned, kind, conditions, expected):
    if kind == "parquet":  # whose partition values are integers or text
        conditions = [text.replace("2021-01-02", "'2021-01-02'") for text in conditions]
    read = ordered(rows_of(direct(tables / kind, *conditions, shards=3, batch_rows=7)))
    assert [row["id"] for row in read] == list(expected)
    assert ordered(scanned(tables / kind, *conditions)) == read


@pytest.mark.parametrize("name", ["a.b", "na`me", "`", "x[0]", "a b.", "*", ""])
def test_any_name_is_scanned(tmp_path, direct, rows_of, scanned, name):
    pq.write_table(pa.table({name: [1, 2, 3], "n": [1, 2, 3]}), tmp_path / "a.parquet")
    assert scanned(tmp_path, "n > 1") == rows_of(direct(tmp_path, "n > 1"))
    assert scanned(tmp_path, "n > 1", columns=[name]) == [{name: 2}, {name: 3}]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("v == 0", 6),
        ("v in [0, 7]", 6),
        ("v >= 0", 8),
        ("v <= -0.0", 6),
        ("v != 0", 2),
        ("v > 0", 2),
        ("v not in [0, 7]", 2),
    ],
)
def test_both_zeros_are_one_value(tmp_path, direct, rows_of, scanned, kind, condition, expected):
    for number, zeros in enumerate(([-0.0, -0.0], [0.0, 0.0], [-0.0, 1.0], [0.0, 1.0])):
        pq.write_table(pa.table({"v": pa.array(zeros, kind)}), tmp_path / f"{number}.parquet")
    found = rows_of(direct(tmp_path, condition))
    assert len(found) == expected
    assert len(scanned(tmp_path, condition)) == expected


def test_columns_that_only_choose_rows_are_not_kept(tables, direct, rows_of, scanned):
    wanted = {"columns": ["p", "id"]}
    rows = scanned(tables / "partitioned", "i < 5", "d is null", **wanted)
    assert ordered(rows) == [{"p": None, "id": 0}, {"p": "ü=/x", "id": 3}]
    read = rows_of(direct(tables / "partitioned", "i < 5", "d is null", **wanted))
    assert ordered(read) == ordered(rows)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("deleted", "deletion vectors"),
        ("altered", "columnMapping, typeWidening"),
        ("evolved", None),
        ("partitioned", None),
    ],
)
def test_direct_reading_knows_where_it_would_be_wrong(tables, kind, reason):
    found = open_table(Table(uri=str(tables / kind))).scan_reason
    assert found == reason or reason in found


def test_the_scan_knows_deleted_renamed_and_widened_data(tables, scanned):
    rows = scanned(tables / "deleted", columns=["id"])
    assert [row["id"] for row in ordered(rows)] == [i for i in range(40) if i % 7 != 1]
    rows = ordered(scanned(tables / "altered", "i < 4", columns=["id", "text", "i"]))
    assert [row["text"] for row in rows] == [None, "it's", 'a"\\b', "${x}"]
    assert [row["i"] for row in rows] == [0, 1, 2, 3]


def test_columns_added_later_are_null_in_older_files_either_way(tables, direct, rows_of, scanned):
    wanted = {"columns": ["id", "extra"]}
    rows = ordered(scanned(tables / "evolved", "id < 2", **wanted))
    assert [row["extra"] for row in rows] == [0, None, 1, None]
    assert ordered(rows_of(direct(tables / "evolved", "id < 2", **wanted))) == rows


def test_the_pinned_version_is_scanned(tables, scanned):
    assert len(scanned(tables / "evolved", columns=["id"])) == 80
    assert len(scanned(tables / "evolved", columns=["id"], version=0)) == 40


def test_the_pinned_files_are_scanned_whatever_their_names(spark, tmp_path):
    odd = tmp_path / "a[b]{c}%20 ü*?"
    odd.mkdir()
    for name in ("x.parquet", "y.parquet"):
        pq.write_table(pa.table({"id": [1], "u": pa.array([255], pa.uint8())}), odd / name)
    snapshot = open_table(Table(uri=str(odd)))
    pq.write_table(pa.table({"id": [2], "u": pa.array([0], pa.uint8())}), odd / "z.parquet")
    source = ScanSource.of(spark, snapshot, ["u"], parse(["u > 127", "id == 1"]))
    batches = arrow_table(source.frame).to_batches()
    rows = pa.Table.from_batches(source.receiving(iter(batches)).read(0))
    assert rows == pa.table({"u": pa.array([255, 255], pa.uint8())})


def test_names_may_differ_in_letter_case_either_way(spark, tmp_path, direct, rows_of, scanned):
    for place, name in enumerate(("Price", "price", "PRICE")):
        rows = pa.table({"id": [place], name: [place / 2], "s": ["x"]})
        pq.write_table(rows, tmp_path / f"{place}.parquet")
    parquet = ordered(rows_of(direct(tmp_path, "Price > 0")))
    assert [row["Price"] for row in parquet] == [0.5, 1]
    assert ordered(scanned(tmp_path, "Price > 0")) == parquet
    spark.sql(f"CONVERT TO DELTA parquet.`{tmp_path}`")
    (name,) = {"Price", "price", "PRICE"} & {*open_table(Table(uri=str(tmp_path))).schema.names}
    delta = ordered(rows_of(direct(tmp_path, f"{name} > 0")))
    assert [row[name] for row in delta] == [0.5, 1]
    assert ordered(scanned(tmp_path, f"{name} > 0")) == delta


def test_columns_that_differ_in_letter_case_only_need_a_spark_that_tells_them_apart(
    spark, tmp_path, direct, rows_of, scanned
):
    pq.write_table(pa.table({"ID": [1, 2], "id": [3, 4], "x": [5, 6]}), tmp_path / "a.parquet")
    with pytest.raises(ConfigurationError, match=r"cannot distinguish.*'ID', 'id'.*caseSensitive"):
        scanned(tmp_path, columns=["id"])
    assert scanned(tmp_path, columns=["x"]) == [{"x": 5}, {"x": 6}]
    spark.conf.set("spark.sql.caseSensitive", True)
    try:
        rows = scanned(tmp_path, "ID > 1")
    finally:
        spark.conf.set("spark.sql.caseSensitive", False)
    assert rows == rows_of(direct(tmp_path, "ID > 1")) == [{"ID": 2, "id": 4, "x": 6}]


def test_what_spark_cannot_read_is_refused(spark, tmp_path):
    table = pa.table({"id": [1], "then": pa.array([1], pa.timestamp("ns")), "h": [b"x"]})
    table = table.append_column("half", pa.array([0.5]).cast(pa.float16()))
    pq.write_table(table, tmp_path / "a.parquet")
    snapshot = open_table(Table(uri=str(tmp_path)))
    for column in ("then", "half"):
        with pytest.raises(ConfigurationError, match=re.escape(f"{column!r}; got type")):
            scan(spark, snapshot, [column], parse([]))
    assert scan(spark, snapshot, ["id", "h"], parse([])).columns == ["id", "h"]


def test_what_does_not_fit_the_table_is_refused_before_spark_is_asked(tables, spark):
    snapshot = open_table(Table(uri=str(tables / "partitioned")))
    with pytest.raises(ContractError, match="idd"):
        scan(spark, snapshot, ["idd"], parse([]))
    with pytest.raises(ConfigurationError, match="five"):
        scan(spark, snapshot, ["id"], parse(["i == five"]))


def test_batches_are_skipped_as_they_were_counted_and_only_tasks_see_them(tables, spark):
    snapshot = open_table(Table(uri=str(tables / "partitioned")))
    source = ScanSource.of(spark, snapshot, ["id"], parse(["id != 1"]))
    schema = pa.schema({"id": pa.int64()})
    batches = [pa.record_batch([[number]], schema=schema) for number in range(4)]
    received = source.for_tasks()[1].receiving(iter(batches)).read(0, skip=1)
    assert [batch.column("id").to_pylist() for batch in received] == [[2], [3]]
    assert not source.frozen
    with pytest.raises(ConfigurationError, match="within Spark's tasks"):
        source.read(0)


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), StorageError, "cannot read .*b.p"),
        (
            lambda path: pq.write_table(pa.table({"id": ["one"]}), path),
            ContractError,
            r"b\.parquet is not as the rest.*\[id\]",
        ),
    ],
)
def test_a_file_that_spark_cannot_read_is_named(spark, tmp_path, damage, kind, message):
    for name in ("a", "b"):
        pq.write_table(pa.table({"id": range(100)}), tmp_path / f"{name}.parquet")
    frame = scan(spark, open_table(Table(uri=str(tmp_path))), ["id"], parse([]))
    damage(tmp_path / "b.parquet")
    with pytest.raises(kind, match=message), naming_files():
        frame.collect()


def test_other_errors_of_spark_pass(spark):
    with pytest.raises(PySparkException, match="TABLE_OR_VIEW_NOT_FOUND"), naming_files():
        spark.sql("SELECT * FROM nowhere").collect()
