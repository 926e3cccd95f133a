"""Dictionary-encoded columns of files, for all the ways in which writers store texts."""

import io
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.table.filters.condition import Condition
from petafit.table.filters.predicate import Predicate, parse
from petafit.table.filters.split import Selection
from petafit.table.parquet.column_chunks import ranges_of, stored_as_dictionaries

ROWS = 20_000
TABLE = pa.table(
    {
        "one": ["always"] * ROWS,
        "few": [f"value {row % 50}" for row in range(ROWS)],
        "sorted": [f"value {row // 100}" for row in range(ROWS)],
        "half null": [None if row % 2 else f"{row % 900}" for row in range(ROWS)],
        "null": pa.nulls(ROWS, pa.string()),
        "unique": [f"user {row:08d}" for row in range(ROWS)],
        "mostly unique": [f"{row * 7919:x}" if row % 3 else None for row in range(ROWS)],
    }
)
UNIQUE = ["unique", "mostly unique"]
REPEATED = [name for name in TABLE.column_names if name not in UNIQUE]


def stored(path, table=TABLE, **options):
    pq.write_table(table, path, **options)
    return stored_as_dictionaries(pq.read_metadata(path), table.column_names)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("version", ["1.0", "2.6"])
@pytest.mark.parametrize("page", ["1.0", "2.0"])
def test_a_dictionary_that_overflowed_is_none(tmp_path, compression, version, page):
    options = {"compression": compression, "version": version, "data_page_version": page}
    options["dictionary_pagesize_limit"] = 20_000
    assert stored(tmp_path / "a.parquet", **options) == REPEATED


def test_dictionaries_of_many_values_are_dictionaries(tmp_path):
    many = pa.table({"many": [f"{row * 7919 % 3001:x}" for row in range(ROWS)]})
    assert stored(tmp_path / "a.parquet", many) == ["many"]


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_other_encodings_are_no_dictionaries(tmp_path, encoding):
    encodings = {name: encoding for name in TABLE.column_names if name != "few"}
    options = {"use_dictionary": ["few"], "column_encoding": encodings}
    assert stored(tmp_path / "a.parquet", **options) == ["few"]


def test_a_file_without_row_groups_says_nothing_against_dictionaries(tmp_path):
    path = tmp_path / "a.parquet"
    pq.ParquetWriter(path, TABLE.schema).close()
    names = TABLE.column_names
    assert stored_as_dictionaries(pq.read_metadata(path), names) == names


COLUMNS = {
    "int": (pa.int64(), st.integers(-5, 5)),
    "float": (pa.float64(), st.floats(-5, 5) | st.just(float("nan"))),
    "text": (pa.string(), st.text("abé", max_size=3)),
    "day": (pa.date32(), st.dates(date(2013, 1, 1), date(2013, 1, 9))),
    "time": (
        pa.timestamp("us", "UTC"),
        st.integers(0, 9).map(lambda hours: datetime(2013, 1, 1) + timedelta(hours=hours)),
    ),
    "flag": (pa.bool_(), st.booleans()),
}


def written(values: list[object], kind: pa.DataType) -> tuple[pq.RowGroupMetaData, pa.RecordBatch]:
    """The footer's word on a row group of one column x, and the column itself."""
    batch = pa.record_batch({"x": pa.array(values, kind)})
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_batches([batch]), sink)
    return pq.ParquetFile(sink).metadata.row_group(0), batch


def test_nan_is_in_no_range() -> None:
    group, batch = written([float("nan"), -1.0], pa.float64())
    predicate = parse(["x < 0"])
    assert predicate.mask(batch).to_pylist() == [False, True]
    assert not predicate.covers(ranges_of(group, {"x": pa.float64()}))


@given(data=st.data(), name=st.sampled_from(sorted(COLUMNS)))
def test_no_row_is_lost_and_none_too_many_is_covered(data: st.DataObject, name: str) -> None:
    kind, value = COLUMNS[name]
    values = data.draw(st.lists(value | st.none(), min_size=1, max_size=6))
    operator = data.draw(st.sampled_from(["==", "in", "not in"] if name == "flag" else OPERATORS))
    literal = value.filter(lambda v: v == v).map(plain)
    many = operator in ("in", "not in")
    literals = data.draw(st.lists(literal, min_size=1, max_size=3 if many else 1))
    predicate = Predicate((Condition("x", operator, tuple(literals)),))
    group, batch = written(values, kind)
    ranges = ranges_of(group, {"x": kind})
    chosen = predicate.mask(batch).to_pylist()
    if predicate.excludes_between(ranges):
        assert not any(chosen)
    if predicate.covers(ranges):
        assert all(chosen)


OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


def plain(value: object) -> object:
    """A value as a condition writes it."""
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize(
    ("condition", "excluded"),
    [
        ("x < 3", True),
        ("x <= 3", False),
        ("x > 7", True),
        ("x >= 7", False),
        ("x == 5", False),
        ("x == 8", True),
        ("x in [1, 2]", True),
        ("x in [1, 4]", False),
        ("x != 3", False),
        ("y == 1", False),
    ],
)
def test_values_from_3_to_7(condition: str, excluded: bool) -> None:
    group, _ = written([3, None, 7], pa.int32())
    ranges = ranges_of(group, {"x": pa.int32()})
    assert parse([condition]).excludes_between(ranges) is excluded


def test_rows_that_are_all_left_out_are_excluded_unless_one_may_be_null() -> None:
    """A null meets no condition, and so is not left out."""
    selection = Selection(Predicate(), without=(parse(["x >= 3"]),))
    for values, excluded in (([3, 7], True), ([3, None], False), ([2, 7], False)):
        group, _ = written(values, pa.int32())
        assert selection.excludes_between(ranges_of(group, {"x": pa.int32()})) is excluded


def test_a_writer_without_statistics_tells_nothing() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": [1, 2]}), sink, write_statistics=False)
    assert ranges_of(pq.ParquetFile(sink).metadata.row_group(0), {"x": pa.int64()}) == {}
