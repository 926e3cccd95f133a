"""Choice of the reader: the rules, what is refused, and tables that only Spark translates."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.stream.choose import choose
from petafit.table.opening import open_table
from petafit.table.snapshot import Snapshot

REASON = "rows of some files are deleted by deletion vectors"


def table(reason):
    return Snapshot("/table", "delta", 3, pa.schema([]), (), (), reason)


@pytest.mark.parametrize(
    ("reason", "requested", "engine", "expected"),
    [
        (None, "auto", "local", "direct"),
        (None, "auto", "spark", "direct"),
        (None, "direct", "spark", "direct"),
        (None, "scan", "spark", "scan"),
        (REASON, "scan", "spark", "scan"),
        (REASON, "auto", "spark", "scan"),
    ],
)
def test_the_choice(reason, requested, engine, expected):
    how, why = choose(table(reason), requested, engine)
    assert how == expected
    assert why == (REASON if reason and requested == "auto" else why)
    assert why


@pytest.mark.parametrize(
    ("requested", "engine"),
    [("direct", "spark"), ("direct", "local"), ("auto", "local")],
)
def test_what_would_give_wrong_rows_is_refused_with_the_reason(requested, engine):
    with pytest.raises(ConfigurationError, match=REASON):
        choose(table(REASON), requested, engine)


@pytest.mark.parametrize("reason", [None, REASON])
def test_the_local_engine_has_no_scan(reason):
    with pytest.raises(ConfigurationError, match="cannot scan"):
        choose(table(reason), "scan", "local")


SPARK = {"org.apache.spark.version": "3.5.0", "org.apache.spark.timeZone": "Europe/Berlin"}
DATES = {**SPARK, "org.apache.spark.legacyDateTime": ""}
INT96 = {**SPARK, "org.apache.spark.legacyINT96": ""}
EARLY, LATE = (datetime.datetime(year, 12, 31, tzinfo=datetime.UTC) for year in (1899, 1900))


def write(folder: Path, metadata: dict[str, str], moments: list[object], **how: object) -> None:
    """A table whose last file an old Spark wrote, beside files of others."""
    kind = pa.timestamp("us", "UTC")
    for number in range(3):
        is_last = number == 2
        schema = pa.schema({"at": kind, "n": pa.int64()}, metadata=metadata if is_last else None)
        values = pa.array(moments if is_last else [EARLY], kind)
        content = pa.table([values, pa.array(range(len(values)))], schema=schema)
        pq.write_table(content, folder / f"{number}.parquet", **how)


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize(
    ("metadata", "moments", "how", "expected"),
    [
        (DATES, [EARLY, None], {}, "scan"),
        (DATES, [LATE, None], {}, "direct"),
        (DATES, [None], {}, "direct"),
        (SPARK, [EARLY], {}, "direct"),
        ({**DATES, "org.apache.spark.timeZone": "UTC"}, [EARLY], {}, "direct"),
        ({"org.apache.spark.version": "2.4.8"}, [EARLY], {}, "scan"),
        (DATES, [LATE], {"write_statistics": False}, "scan"),
        (INT96, [LATE], {"use_deprecated_int96_timestamps": True}, "scan"),
        (INT96, [EARLY], {}, "direct"),
        (
            {"org.apache.spark.version": "2.4.8"},
            [LATE],
            {"use_deprecated_int96_timestamps": True},
            "direct",
        ),
    ],
)
def test_spark_scans_what_only_it_translates(
    tmp_path: Path,
    metadata: dict[str, str],
    moments: list[object],
    how: dict[str, object],
    expected: str,
    unit: str,
) -> None:
    how = how if "use_deprecated_int96_timestamps" in how else {**how, "coerce_timestamps": unit}
    write(tmp_path, metadata, moments, **how)
    snapshot = open_table(Table(uri=str(tmp_path)))
    assert choose(snapshot, "auto", "spark")[0] == expected
    assert choose(snapshot, "auto", "local")[0] == choose(snapshot, "direct", "spark")[0]
    assert choose(snapshot, "direct", "spark")[0] == "direct"
