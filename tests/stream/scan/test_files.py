"""Spark's scan gives the values that direct reading gives, of partitions and of every type."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.spark.compatibility import arrow_table, frame_of
from petafit.spark.failures import in_one_sentence
from petafit.stream.batches import carried_schema
from petafit.stream.direct import read_slice
from petafit.stream.scan.stream import ScanSource, scan
from petafit.table.filters.predicate import Predicate, parse
from petafit.table.opening import open_table
from petafit.table.shards import Slice
from petafit.table.snapshot import Snapshot
from tests import kinds
from tests.releases import before

pytestmark = pytest.mark.spark

TEXTS = (
    *("a", " ", " a ", "a b", "a+b", "a=b", "a/b", "a%20b", "%", "%zz", "São Paulo", "Sa\u0303o"),
    *("日本", "😀", "01", "1", "1e3", "1.0", "true", "null", "2020-01-01", "2020-01-01 00:00:00"),
    *("a:b", "a\\b", "a#b?c", "{a}[b]*", "'q\"", "^|`<>", ".a", "_a", "~'()!$,@;&", "\u00a0x"),
)
FOLDERS = ("c=", "c=01", "c=1", "c=S%C3%A3o", "c=a%2", "c=__HIVE_DEFAULT_PARTITION__", "c=1e3")
CONDITIONS = ("c == {}", "c != {}", "c > {}", "c not in [{}, '1']")


@pytest.fixture
def scanned(spark):
    """The rows of a scan, as a worker receives them."""

    def rows(uri, *conditions, columns=None):
        snapshot = open_table(Table(uri=str(uri)))
        source = ScanSource.of(spark, snapshot, columns or snapshot.schema.names, parse(conditions))
        batches = arrow_table(source.driver_frame()).to_batches()
        return pa.Table.from_batches(
            source.for_tasks()[1].receiving(iter(batches)).read(0), source.schema
        ).to_pylist()

    return rows


def ordered(rows):
    return sorted(rows, key=lambda row: row["id"])


def cities():
    texts = [*TEXTS, None]
    return pa.table({"id": range(2 * len(texts)), "c": texts * 2, "x": [0.5] * 2 * len(texts)})


def by_arrow(spark, root):
    ds.write_dataset(
        cities(), root, format="parquet", partitioning=["c"], partitioning_flavor="hive"
    )


def by_spark(spark, root):
    frame_of(spark, cities()).coalesce(1).write.partitionBy("c").parquet(str(root))


def by_spark_delta(spark, root):
    frame = frame_of(spark, cities()).coalesce(1)
    frame.write.format("delta").partitionBy("c").save(str(root))


def by_delta_rs(spark, root):
    write_deltalake(root.parent / "t", cities(), partition_by=["c"])
    (root.parent / "t").rename(root)


def by_hand(spark, root):
    for number, folder in enumerate(FOLDERS):
        (root / folder).mkdir(parents=True)
        pq.write_table(pa.table({"id": [number], "x": [0.5]}), root / folder / "a.parquet")


@pytest.mark.parametrize("write", [by_arrow, by_spark, by_spark_delta, by_delta_rs, by_hand])
def test_partition_values_are_those_of_the_snapshot(
    spark, tmp_path, direct, rows_of, scanned, write
):
    write(spark, tmp_path / "t%20")
    read = ordered(rows_of(direct(tmp_path / "t%20")))
    assert len({row["c"] for row in read}) == len(FOLDERS if write is by_hand else TEXTS) + 1 - (
        write is by_hand
    )
    assert ordered(scanned(tmp_path / "t%20")) == read
    for template, value in zip(CONDITIONS, ("'a%20b'", "'São Paulo'", "'1'", "'01'"), strict=True):
        condition = template.format(value)
        chosen = ordered(rows_of(direct(tmp_path / "t%20", condition)))
        assert 0 < len(chosen) < len(read) or write is by_hand
        assert ordered(scanned(tmp_path / "t%20", condition)) == chosen
    assert ordered(scanned(tmp_path / "t%20", "c is null")) == [r for r in read if r["c"] is None]


TYPED = {
    "i": pa.array([-5, None, 7], pa.int32()),
    "l": pa.array([2**40, 1, None], pa.int64()),
    "b": pa.array([True, None, False]),
    "d": pa.array([datetime.date(1900, 1, 1), datetime.date(2024, 2, 29), None]),
    "f": pa.array([0.1, None, -2.5e10], pa.float64()),
    "m": pa.array([Decimal("1.10"), Decimal("0.01"), None], pa.decimal128(10, 2)),
    "t": pa.array([0, 1_234_567, None], pa.timestamp("us", "UTC")),
    "n": pa.array([None, -1, 86_400_000_001], pa.timestamp("us")),
}
FILTERS = {
    "i": "i < 0",
    "l": "l > 1",
    "b": "b == true",
    "d": "d < 2000-01-01",
    "f": "f < 0.05",
    "m": "m > 1",
    "t": "t > 1970-01-01 00:00:01",
    "n": "n <= 1970-01-01",
}


@pytest.mark.parametrize("name", TYPED)
@pytest.mark.parametrize("writer", ["spark", "delta-rs"])
def test_values_of_a_delta_log_are_typed_alike(
    spark, tmp_path, direct, rows_of, scanned, name, writer
):
    rows = pa.table({"id": range(3), name: TYPED[name]})
    if writer == "spark":
        frame = frame_of(spark, rows)
        if name == "n":
            frame = frame.withColumn("n", frame["n"].cast("timestamp_ntz"))
        frame.write.format("delta").partitionBy(name).save(str(tmp_path / "t"))
    else:
        write_deltalake(tmp_path / "t", rows, partition_by=[name])
    read = ordered(rows_of(direct(tmp_path / "t")))
    assert [row[name] for row in read] == TYPED[name].to_pylist()
    assert ordered(scanned(tmp_path / "t")) == read
    chosen = ordered(rows_of(direct(tmp_path / "t", FILTERS[name])))
    assert len(chosen) == 1
    assert ordered(scanned(tmp_path / "t", FILTERS[name])) == chosen


def test_files_of_other_partitions_are_not_scanned(spark, tmp_path, scanned):
    for month in ("01", "02", "03"):
        (tmp_path / f"month={month}").mkdir()
        pq.write_table(pa.table({"id": [int(month)]}), tmp_path / f"month={month}" / "a.parquet")
    snapshot = open_table(Table(uri=str(tmp_path)))
    frame = scan(spark, snapshot, ["id"], parse(["month >= 2"]))
    assert sorted(path[-18:] for path in frame.inputFiles()) == [
        "month=02/a.parquet",
        "month=03/a.parquet",
    ]
    assert scanned(tmp_path, "month > 3") == []
    assert scanned(tmp_path, "month == 1", columns=["month"]) == [{"month": 1}]


def test_the_plan_does_not_grow_with_the_partitions(spark, tmp_path):
    sizes = []
    for count in (3, 60):
        root = tmp_path / str(count)
        for number in range(count):
            (root / f"c={number}").mkdir(parents=True)
            pq.write_table(pa.table({"id": [number]}), root / f"c={number}" / "a.parquet")
        snapshot = open_table(Table(uri=str(root)))
        frame = scan(spark, snapshot, ["id", "c"], parse(["c >= 0"]))
        assert frame.count() == count
        plan = frame._jdf.queryExecution().optimizedPlan()
        sizes.append(plan.treeString().count("\n"))
    assert sizes[0] == sizes[1]


if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOREIGN = (
    "float16", "digits", "time32_s", "time32_ms", "time64_us", "time64_ns",
    "timestamp_ns", "instant_ns",
)  # fmt: skip
SHARED = [name for name in ("id", *kinds.COLUMNS) if name not in FOREIGN]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path = tmp_path_factory.mktemp("kinds") / "a.parquet"
    pq.write_table(kinds.table(), path)
    return open_table(Table(uri=str(path)))


def test_both_streams_give_the_same_values_of_every_type_they_share(
    spark: SparkSession, snapshot: Snapshot, tmp_path: Path
) -> None:
    shared = SHARED
    if before(spark, 4, 0):
        with pytest.raises(ConfigurationError, match=r"`null` of the type.*`stream: direct`"):
            ScanSource.of(spark, snapshot, shared, Predicate())
        shared = [name for name in shared if name != "null"]
        frame = scan(spark, snapshot, shared, Predicate())
        with (
            pytest.raises(ConfigurationError, match=r"not know, such as float16.*stream: direct"),
            in_one_sentence("Spark cannot read it"),
        ):
            frame.collect()
        pq.write_table(kinds.table().drop_columns(["float16"]), tmp_path / "a.parquet")
        snapshot = open_table(Table(uri=str(tmp_path)))
    source = ScanSource.of(spark, snapshot, shared, Predicate())
    rows = iter(arrow_table(source.driver_frame()).to_batches())
    scanned = pa.Table.from_batches(list(source.receiving(rows).read(0)))
    schema, file = carried_schema(snapshot.schema, shared), snapshot.files[0]
    part = Slice(file.path, file.size, 0, file.size, None, {}, absent_is_null=False)
    direct = pa.Table.from_batches(list(read_slice(part, schema, batch_rows=10)))
    assert scanned.schema == direct.schema
    assert scanned.to_pydict() == direct.to_pydict()


@pytest.mark.parametrize("text", ["x is null", "x is not null", "x != 2", "x < 2", "x >= 1"])
def test_both_streams_take_nan_for_missing(spark: SparkSession, tmp_path: Path, text: str) -> None:
    values = pa.array([1.0, float("nan"), None, 2.0, -0.0])
    pq.write_table(pa.table({"id": range(5), "x": values}), tmp_path / "a.parquet")
    table = open_table(Table(uri=str(tmp_path)))
    source = ScanSource.of(spark, table, ["id"], parse([text]))
    rows = list(source.receiving(iter(arrow_table(source.driver_frame()).to_batches())).read(0))
    found = sorted(row for batch in rows for row in batch.column("id").to_pylist())
    mask = parse([text]).mask(pa.record_batch([values], ["x"]))
    assert mask is not None
    assert found == [i for i, holds in enumerate(mask.to_pylist()) if holds]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_type_that_spark_lacks_is_refused_before_anything_is_read(
    spark: SparkSession, snapshot: Snapshot, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"Spark cannot read column '{name}'"):
        ScanSource.of(spark, snapshot, [name], Predicate())
