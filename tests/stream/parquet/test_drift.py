"""Files whose types differ: read as Spark reads them, or refused in petafit's own words."""

import datetime
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from petafit.config.settings import Table
from petafit.errors import ContractError, PetafitError
from petafit.spark.compatibility import arrow_table
from petafit.stream.batches import normalise
from petafit.stream.scan.stream import scan
from petafit.stream.scan.unreadable import naming_files
from petafit.table.columns import table_schema
from petafit.table.filters.predicate import parse
from petafit.table.opening import open_table
from tests.kinds import VIEWS
from tests.releases import before

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

NOON = datetime.datetime(2020, 1, 1, 12, 0, 0, 1001)
INSTANT = NOON.replace(tzinfo=datetime.UTC)
DAY = datetime.date(2020, 1, 1)
WHOLE = INSTANT.replace(microsecond=0)
UTC = {unit: pa.timestamp(unit, "UTC") for unit in ("s", "ms", "us", "ns")}
STRUCT = pa.struct([pa.field("a", pa.int32(), nullable=False)])


def column(value: object, kind: pa.DataType) -> pa.Array:
    return pa.array([value], kind)


READ = {
    "finer timestamps": (column(WHOLE, UTC["ms"]), column(INSTANT, UTC["us"]), UTC["us"]),
    "coarser timestamps": (column(INSTANT, UTC["us"]), column(WHOLE, UTC["ms"]), UTC["us"]),
    "seconds": (column(WHOLE, UTC["s"]), column(WHOLE, UTC["ms"]), UTC["us"]),
    "local timestamps": (
        column(NOON.replace(microsecond=0), pa.timestamp("ms")),
        column(NOON, pa.timestamp("us")),
        pa.timestamp("us"),
    ),
    "narrower integers": (column(2**40, pa.int64()), column(7, pa.int8()), pa.int64()),
    "unsigned integers": (column(2**40, pa.int64()), column(200, pa.uint8()), pa.int64()),
    "narrower floats": (column(0.1, pa.float64()), column(0.1, pa.float32()), pa.float64()),
    "integers for floats": (column(0.1, pa.float64()), column(7, pa.int32()), pa.float64()),
    "narrower decimals": (
        column(Decimal("2.500"), pa.decimal128(12, 3)),
        column(Decimal("1.50"), pa.decimal128(5, 2)),
        pa.decimal128(12, 3),
    ),
    "integers for decimals": (
        column(Decimal("2.500"), pa.decimal128(15, 3)),
        column(7, pa.int32()),
        pa.decimal128(15, 3),
    ),
    "dates for timestamps": (
        column(NOON, pa.timestamp("us")),
        column(DAY, pa.date32()),
        pa.timestamp("us"),
    ),
    "other strings": (
        column("a", pa.string()),
        pa.array(["b"], pa.large_string()).dictionary_encode(),
        pa.string(),
    ),
    "string views": (column("a", pa.large_string()), column("b", VIEWS), pa.string()),
    "no type at first": (column(None, pa.null()), column(7, pa.int64()), pa.int64()),
    "no type later": (column(0.5, pa.float64()), column(None, pa.null()), pa.float64()),
    "nullability within": (
        column({"a": 1}, STRUCT),
        column({"a": None}, pa.struct({"a": pa.int32()})),
        pa.struct({"a": pa.int32()}),
    ),
    "lists of other items": (
        column([1], pa.large_list(pa.field("item", pa.int64(), nullable=False))),
        column([2], pa.list_(pa.int64())),
        pa.list_(pa.field("element", pa.int64())),
    ),
}

REFUSED = {
    "wider integers": (column(7, pa.int32()), column(2**40, pa.int64())),
    "wider floats": (column(0.5, pa.float32()), column(0.1, pa.float64())),
    "long integers for floats": (column(0.5, pa.float64()), column(7, pa.int64())),
    "wider decimals": (
        column(Decimal("1.50"), pa.decimal128(5, 2)),
        column(Decimal("2.500"), pa.decimal128(12, 3)),
    ),
    "more digits after the point": (
        column(Decimal("1.50"), pa.decimal128(12, 2)),
        column(Decimal("2.500"), pa.decimal128(12, 3)),
    ),
    "text for numbers": (column(7, pa.int64()), column("7", pa.string())),
    "local times for instants": (column(INSTANT, UTC["us"]), column(NOON, pa.timestamp("us"))),
    "instants for local times": (column(NOON, pa.timestamp("us")), column(INSTANT, UTC["us"])),
    "dates for instants": (column(INSTANT, UTC["us"]), column(DAY, pa.date32())),
    "booleans for numbers": (column(7, pa.int64()), column(True, pa.bool_())),
}


def write(folder: "Path", *columns: pa.Array) -> "Path":
    for number, values in enumerate(columns):
        content = pa.table({"n": pa.array([number], pa.int32()), "v": values})
        pq.write_table(content, folder / f"{number}.parquet", version="2.6")
    return folder


def by_number(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["v"] for row in sorted(rows, key=lambda row: row["n"])]


@pytest.mark.parametrize("case", READ)
def test_values_that_have_an_equal_one_are_read(
    tmp_path: "Path", direct: Any, rows_of: Any, case: str
) -> None:
    first, later, expected = READ[case]
    source = direct(write(tmp_path, first, later))
    assert table_schema(source.schema).field("v").type == expected
    values = by_number(rows_of(source))
    assert values == [first.to_pylist()[0], *pa.array(later).cast(expected).to_pylist()]


NARROWER = {
    *("narrower integers", "unsigned integers", "narrower floats", "integers for floats"),
    *("narrower decimals", "integers for decimals", "dates for timestamps"),
    *("no type at first", "no type later"),
}
"""What Spark 3.5 refuses."""


@pytest.mark.parametrize("case", READ)
def test_spark_reads_them_alike(
    spark: "SparkSession", tmp_path: "Path", direct: Any, rows_of: Any, case: str
) -> None:
    folder = write(tmp_path, *READ[case][:2])
    snapshot = open_table(Table(uri=str(folder)))
    frame = scan(spark, snapshot, ["n", "v"], parse([]))
    if before(spark, 4, 0) and case in NARROWER:
        message = r"\.parquet is not as the rest.*narrower than the table's: set `stream: direct`"
        with pytest.raises(ContractError, match=message), naming_files():
            frame.collect()
        return
    found = arrow_table(frame)
    rows = [normalise(batch, snapshot.schema) for batch in found.combine_chunks().to_batches()]
    scanned = pa.Table.from_batches(rows, snapshot.schema).to_pylist()
    assert by_number(scanned) == by_number(rows_of(direct(folder)))


@pytest.mark.parametrize("case", REFUSED)
def test_other_types_are_named_as_drift(
    tmp_path: "Path", direct: Any, rows_of: Any, case: str
) -> None:
    source = direct(write(tmp_path, *REFUSED[case]))
    with pytest.raises(ContractError, match=r"'v' of .*1\.parquet is not as in the rest"):
        rows_of(source)


def test_values_finer_than_the_tables_are_refused_and_named(
    tmp_path: "Path", direct: Any, rows_of: Any, spark: "SparkSession"
) -> None:
    fine = pa.array([1_001], pa.timestamp("ns", "UTC"))
    folder = write(tmp_path, column(INSTANT, UTC["us"]), fine)
    with pytest.raises(ContractError, match=r"'v' of .*1\.parquet has values that the table's"):
        rows_of(direct(folder))
    snapshot = open_table(Table(uri=str(folder)))
    with pytest.raises(PetafitError, match=r"1\.parquet"), naming_files():
        scan(spark, snapshot, ["n", "v"], parse([])).collect()
    whole = pa.array([1_000], pa.timestamp("ns", "UTC"))
    found = by_number(rows_of(direct(write(tmp_path, column(INSTANT, UTC["us"]), whole))))
    assert found[1] == datetime.datetime(1970, 1, 1, 0, 0, 0, 1, datetime.UTC)


def test_a_type_is_looked_for_in_other_files(tmp_path: "Path", direct: Any, rows_of: Any) -> None:
    nothing = column(None, pa.null())
    files = [nothing, nothing, column("x", pa.string()), nothing]
    assert by_number(rows_of(direct(write(tmp_path, *files)))) == [None, None, "x", None]


def test_a_type_that_was_not_found_loses_no_value(
    tmp_path: "Path", direct: Any, rows_of: Any
) -> None:
    """Of many files, only some are looked at."""
    nothing = column(None, pa.null())
    source = direct(write(tmp_path, *[nothing] * 30, column("x", pa.string()), *[nothing] * 9))
    with pytest.raises(ContractError, match=r"'v' of .*30\.parquet is not as in the rest"):
        rows_of(source)


def test_columns_that_only_later_files_have_are_told_once(
    tmp_path: "Path", direct: Any, rows_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, column(1, pa.int64()), column(2, pa.int64()))
    more = pa.table({"n": pa.array([2], pa.int32()), "v": [3], "new": ["x"], "newer": [1]})
    pq.write_table(more, tmp_path / "2.parquet")
    with caplog.at_level(logging.WARNING, logger="petafit"):
        assert len(rows_of(direct(tmp_path))) == 3
    messages = [record.message for record in caplog.records if "not read" in record.message]
    assert len(messages) == 1
    assert messages[0].endswith("new, newer")
    assert open_table(Table(uri=str(tmp_path))).only_later == ("new", "newer")


def test_columns_that_only_files_in_the_middle_have_are_told(tmp_path: "Path") -> None:
    write(tmp_path, column(1, pa.int64()), column(2, pa.int64()), column(3, pa.int64()))
    more = pa.table({"n": pa.array([2], pa.int32()), "v": [3], "between": ["x"]})
    pq.write_table(more, tmp_path / "1.parquet")
    assert open_table(Table(uri=str(tmp_path))).only_later == ("between",)


@pytest.mark.parametrize("promised", [UTC["us"], pa.timestamp("us")])
def test_where_a_log_tells_files_need_not_say_whether_times_are_in_utc(
    spark: "SparkSession", tmp_path: "Path", direct: Any, rows_of: Any, promised: pa.DataType
) -> None:
    """As older versions of delta-rs left files; Spark reads the same points in time."""
    moments = [datetime.datetime(2020, 1, 1), NOON, None]
    content = pa.table({"n": pa.array([0, 1, 2], pa.int32()), "v": pa.array(moments, promised)})
    write_deltalake(tmp_path, content)
    other = pa.timestamp("us", None if promised.tz else "UTC")
    (path,) = tmp_path.glob("*.parquet")
    size = path.stat().st_size
    pq.write_table(content.set_column(1, "v", content["v"].cast(other)), path)
    log = tmp_path / "_delta_log" / f"{0:020}.json"
    log.write_text(log.read_text().replace(f'"size":{size}', f'"size":{path.stat().st_size}'))
    for condition in ("n >= 0", "v >= 2020-01-01T12:00:00", "v < 2020-01-01T12:00:00"):
        found = by_number(rows_of(direct(tmp_path, condition)))
        snapshot = open_table(Table(uri=str(tmp_path)))
        assert found
        frame = scan(spark, snapshot, ["n", "v"], parse([condition]))
        if before(spark, 4, 0) and promised.tz is None:
            message = r"\.parquet is not as the rest.*timestamp_ntz.*set `stream: direct`"
            with pytest.raises(ContractError, match=message), naming_files():
                frame.collect()
            continue
        assert found == by_number(arrow_table(frame).to_pylist())
