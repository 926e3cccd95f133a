"""Rows by partition, and what folders are called."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ConfigurationError
from petafit.table.partitions import check_partitioning, folder_of, split

SCHEMA = pa.schema(
    [("x", pa.int32()), ("city", pa.string()), ("day", pa.int32()), ("at", pa.timestamp("us"))]
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.sampled_from(["a b", "c%20d", "é/=", ""]),
            st.none() | st.integers(-2, 2),
        )
    ),
    st.booleans(),
)
def test_every_row_goes_to_its_partition_in_order(
    rows: list[tuple[str | None, int | None]], encoded: bool
) -> None:
    cities = pa.array([city for city, _ in rows], pa.string())
    batch = pa.record_batch(
        {
            "x": pa.array(range(len(rows)), pa.int32()),
            "city": cities.dictionary_encode() if encoded else cities,
            "day": pa.array([day for _, day in rows], pa.int32()),
        }
    )
    found: dict[tuple[str | None, ...], list[int]] = {}
    for values, part in split(batch, ["city", "day"]):
        assert part.schema.names == ["x"]
        found.setdefault(values, []).extend(part["x"].to_pylist())
    expected: dict[tuple[str | None, ...], list[int]] = {}
    for x, (city, day) in enumerate(rows):
        values = (city or None, None if day is None else str(day))
        expected.setdefault(values, []).append(x)
    if rows:
        assert {values: sorted(xs) for values, xs in found.items()} == expected


def test_one_partition_is_not_copied() -> None:
    batch = pa.record_batch({"x": [1, 2], "day": [3, 3]})
    [(values, part)] = split(batch, ["day"])
    assert values == ("3",)
    assert part["x"].buffers()[1].address == batch["x"].buffers()[1].address


def test_booleans_and_dates_are_written_as_delta_writes_them() -> None:
    batch = pa.record_batch({"x": [1], "b": [True], "d": [datetime.date(2013, 7, 4)]})
    [(values, _)] = split(batch, ["b", "d"])
    assert values == ("true", "2013-07-04")


def test_folders_are_escaped() -> None:
    assert folder_of(["city", "day"], ("a b/c%20", None)) == (
        "city=a b%2Fc%2520/day=__HIVE_DEFAULT_PARTITION__"
    )
    assert folder_of([], ()) == ""


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["days"], "'days', which it does not have.*Did you mean 'day'"),
        (["at"], "partitioned by 'at'.*got timestamp"),
        (["x", "city", "day"], None),
    ],
)
def test_columns_that_cannot_be_partitioned_by(columns: list[str], message: str | None) -> None:
    if message is None:
        check_partitioning(SCHEMA, columns)
        with pytest.raises(ConfigurationError, match="needs columns beside"):
            check_partitioning(SCHEMA.remove(3), columns)
    else:
        with pytest.raises(ConfigurationError, match=message):
            check_partitioning(SCHEMA, columns)
