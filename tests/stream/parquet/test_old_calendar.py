"""Days of old calendars, compared with Spark on the same files: values and filters."""

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Table
from petafit.errors import ContractError
from petafit.spark.compatibility import arrow_table
from petafit.stream.scan.stream import scan
from petafit.table.filters.predicate import parse
from petafit.table.opening import open_table

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

# Spark's own table, RebaseDateTime.scala: from which day of the hybrid calendar on, and how many
# days the same name is later in the Gregorian one.
SWITCHES = (
    -719164, -682945, -646420, -609895, -536845, -500320, -463795,
    -390745, -354220, -317695, -244645, -208120, -171595, -141427,
)  # fmt: skip
SHIFTS = (2, 1, 0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, 0)
DAYS = np.arange(SWITCHES[0], 20_000)
GREGORIAN = DAYS + np.array(SHIFTS)[np.searchsorted(SWITCHES, DAYS, side="right") - 1]
MODES = {"datetimeRebaseModeInWrite": "LEGACY", "int96RebaseModeInWrite": "LEGACY"}


def write(folder: "Path", column: pa.Array, version: str = "2.4.8", **keys: str) -> "Path":
    """A file as an old Spark would leave it."""
    spark_keys = {"org.apache.spark.version": version}
    spark_keys |= {f"org.apache.spark.{name}": text for name, text in keys.items()}
    schema = pa.schema({"v": column.type, "n": pa.int64()}, metadata=spark_keys)
    folder.mkdir(exist_ok=True)
    content = pa.table([column, pa.array(range(len(column)))], schema=schema)
    pq.write_table(content, folder / "a.parquet", row_group_size=50_000)
    return folder


def values(direct: Any, folder: "Path", *conditions: str) -> pa.ChunkedArray:
    source = direct(folder, *conditions, batch_rows=100_000)
    return pa.Table.from_batches(source.read(0), source.schema)["v"]


@pytest.mark.parametrize(
    ("version", "keys", "is_old"),
    [
        ("2.4.8", {}, True),
        ("3.0.0", {}, False),
        ("4.2.0", {"legacyDateTime": ""}, True),
        ("4.2.0", {"legacyINT96": ""}, False),
    ],
)
def test_dates_are_moved_as_by_sparks_table(
    tmp_path: "Path", direct: Any, version: str, keys: dict[str, str], is_old: bool
) -> None:
    stored = pa.array(DAYS.astype(np.int32), pa.date32())
    found = values(direct, write(tmp_path, stored, version, **keys))
    expected = GREGORIAN if is_old else DAYS
    assert np.array_equal(found.cast(pa.int32()).to_numpy(), expected)


def test_nulls_stay_and_dates_of_the_new_calendar_are_not_copied(
    tmp_path: "Path", direct: Any
) -> None:
    stored = pa.array([None, -171_595, 0], pa.int32()).cast(pa.date32())
    found = values(direct, write(tmp_path, stored))
    assert found.cast(pa.int32()).to_pylist() == [None, -171_605, 0]


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize(("zone", "ahead"), [("UTC", 0), ("Etc/GMT-9", 9), ("-05:00", None)])
def test_points_in_time_keep_their_time_of_day(
    tmp_path: "Path", direct: Any, unit: str, zone: str, ahead: int | None
) -> None:
    second = {"ms": 10**3, "us": 10**6}[unit]
    into_day = 1 - (ahead or 0) * 3600 * second
    stored = pa.array(DAYS * 86_400 * second + into_day, pa.timestamp(unit, "UTC"))
    folder = write(tmp_path, stored, timeZone=zone)
    if ahead is None:  # a name that this machine does not know
        with pytest.raises(ContractError, match=r"'v' of .*a\.parquet.*got time zone -05:00"):
            values(direct, folder)
        return
    found = values(direct, folder).cast(stored.type).cast(pa.int64()).to_numpy()
    assert np.array_equal(found, GREGORIAN * 86_400 * second + into_day)


def test_local_times_before_1900_are_refused_and_later_ones_read(
    tmp_path: "Path", direct: Any
) -> None:
    late = [datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC), None]
    folder = write(tmp_path, pa.array(late, pa.timestamp("us", "UTC")), timeZone="Europe/Berlin")
    assert values(direct, folder).to_pylist() == late
    early = [datetime.datetime(1899, 12, 31, tzinfo=datetime.UTC)]
    for zone in ({"timeZone": "Europe/Berlin"}, {}):
        write(folder, pa.array(early, pa.timestamp("us", "UTC")), **zone)
        with pytest.raises(ContractError, match=r"before 1900.*Set `stream: scan`"):
            values(direct, folder)
        write(folder, pa.array(early, pa.timestamp("us")), **zone)
        assert values(direct, folder).to_pylist() == [early[0].replace(tzinfo=None)]


@pytest.mark.parametrize("condition", ["v = 1500-03-01", "v < 1500-03-05", "v != 1500-03-01"])
def test_filters_are_of_the_days_as_they_are_read(
    tmp_path: "Path", direct: Any, condition: str
) -> None:
    """The statistics of the row group name another day."""
    days = [datetime.date(1500, 3, 1)] * 2 + [datetime.date(1500, 3, 5)]
    stored = pa.array(days, pa.date32()).cast(pa.int32()).to_numpy() + 10
    folder = write(tmp_path, pa.array(stored, pa.int32()).cast(pa.date32()))
    kept = {"=": days[:2], "<": days[:2], "!=": days[2:]}[condition.split()[1]]
    assert values(direct, folder, condition).to_pylist() == kept


TIMES = [
    f"TIMESTAMP'{day} {time}'"
    for day in ("0001-01-01", "1000-02-28", "1500-03-01", "1582-10-04", "1582-10-15", "1899-12-31")
    for time in ("00:00:00", "23:59:59.123456")
] + ["TIMESTAMP'2020-01-01 12:00:00'", "NULL"]


@pytest.mark.parametrize("kind", ["INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS"])
def test_what_spark_writes_in_the_old_calendar_is_read_as_spark_reads_it(
    spark: "SparkSession", tmp_path: "Path", direct: Any, rows_of: Any, kind: str
) -> None:
    settings = {f"spark.sql.parquet.{name}": mode for name, mode in MODES.items()}
    settings["spark.sql.parquet.outputTimestampType"] = kind
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        rows = ", ".join(f"({time}, CAST({time} AS DATE), {n})" for n, time in enumerate(TIMES))
        frame = spark.sql(f"SELECT * FROM VALUES {rows} AS rows(t, d, n)")
        frame.coalesce(1).write.parquet(str(tmp_path / "t"))
    finally:
        for name in settings:
            spark.conf.unset(name)
    snapshot = open_table(Table(uri=str(tmp_path / "t")))
    kept = set(pq.read_metadata(snapshot.files[0].path).metadata)
    assert {b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96"} & kept
    for condition in ("n >= 0", "d = 1500-03-01", "d < 1582-10-15", "d is null"):
        chosen = parse([condition])
        scanned = arrow_table(scan(spark, snapshot, ["n", "t", "d"], chosen)).to_pylist()
        found = rows_of(direct(tmp_path / "t", condition, columns=["n", "t", "d"]))
        assert sorted(found, key=lambda row: row["n"]) == sorted(scanned, key=lambda row: row["n"])
    written = spark.read.parquet(str(tmp_path / "t")).where("d = DATE'1500-03-01'").count()
    assert written == len(rows_of(direct(tmp_path / "t", "d = 1500-03-01"))) == 2
