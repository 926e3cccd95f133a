"""One type for each kind of column, whichever program wrote the file."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.table.types import STRINGS, canonical, carried, footer_schema, table_schema


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.dictionary(pa.int8(), pa.int64()), pa.int64()),
        (pa.large_binary(), pa.binary()),
        (pa.timestamp("ns", "Asia/Tokyo"), pa.timestamp("ns", "UTC")),
        (pa.timestamp("ms"), pa.timestamp("us")),
        (pa.decimal128(10, 2), pa.decimal128(10, 2)),
        (pa.decimal32(7, 2), pa.decimal128(7, 2)),
        (pa.dictionary(pa.int8(), pa.decimal64(18, 4)), pa.decimal128(18, 4)),
    ],
)
def test_variants_become_one(kind, expected):
    assert canonical(kind) == expected
    assert canonical(expected) == expected


def test_only_strings_are_carried_as_dictionaries():
    assert carried(pa.large_string()) == STRINGS
    assert carried(pa.dictionary(pa.int64(), pa.string())) == STRINGS
    assert carried(pa.int32()) == pa.int32()


def test_a_schema_keeps_names_and_types_only():
    schema = pa.schema([pa.field("a", pa.large_string(), nullable=False, metadata={"k": "v"})])
    assert table_schema(schema).equals(pa.schema({"a": pa.string()}), check_metadata=True)


def test_int96_in_a_footer_is_an_instant_in_utc(tmp_path):
    moments = pa.array([datetime.datetime(2013, 1, 1)], pa.timestamp("ns"))
    table = pa.table({"then": moments, "s": pa.array(["a"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "int96.parquet", use_deprecated_int96_timestamps=True)
    pq.write_table(table, tmp_path / "int64.parquet")
    instant = pa.timestamp("us", "UTC")
    for name, kind in [("int96", instant), ("int64", pa.timestamp("ns"))]:
        footer = pq.read_metadata(tmp_path / f"{name}.parquet")
        assert footer_schema(footer) == pa.schema({"then": kind, "s": pa.string()})
