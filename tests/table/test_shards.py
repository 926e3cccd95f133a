"""Dealing a table out: every byte in one shard, and shards of equal size."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ConfigurationError, ContractError
from petafit.store.filesystem import Folder
from petafit.table.filters.predicate import parse
from petafit.table.parquet.snapshot import open_parquet
from petafit.table.plans import write_plan
from petafit.table.shards import (
    MOST_PARTITIONS,
    SMALLEST_RANGE,
    partition_name,
    plan,
    plan_by_partition,
    slice_of,
)
from petafit.table.snapshot import DataFile, Snapshot

MIB = 1 << 20
ALL = parse([])
SIZES = st.one_of(
    st.integers(0, 5000), st.integers(MIB // 2, 20 * MIB), st.integers(100 * MIB, 4000 * MIB)
)


def table(sizes, *, kind="parquet", partitions=None):
    partitions = partitions or [{}] * len(sizes)
    files = tuple(
        DataFile(f"/table/{number:04}.parquet", size, None, partition)
        for number, (size, partition) in enumerate(zip(sizes, partitions, strict=True))
    )
    columns = tuple(partitions[0]) if partitions else ()
    schema = pa.schema([("x", pa.int32()), *((name, pa.int64()) for name in columns)])
    return Snapshot("/table", kind, None, schema, columns, files)


@given(st.lists(SIZES, max_size=40), st.integers(1, 300))
@settings(max_examples=200)
def test_every_byte_is_in_one_shard_and_shards_are_of_equal_size(sizes, shards):
    snapshot = table(sizes)
    planned = plan(snapshot, shards=shards, predicate=ALL)
    assert 1 <= len(planned) <= shards
    for file in snapshot.files:
        ranges = sorted(
            (piece.start, piece.stop)
            for shard in planned
            for piece in shard
            if piece.path == file.path
        )
        bounds = [stop for _, stop in ranges]
        assert [start for start, _ in ranges] == [0, *bounds[:-1]]
        assert bounds[-1] == file.size
    equal_part = sum(sizes) / len(planned)
    for shard in planned:
        assert sum(piece.stop - piece.start for piece in shard) <= equal_part + 2 * SMALLEST_RANGE


def test_the_parts_of_a_time_sorted_table_are_interleaved():
    planned = plan(table([10 * MIB] * 12), shards=4, predicate=ALL)
    numbers = [[int(piece.path[-12:-8]) for piece in shard] for shard in planned]
    assert numbers == [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]


def test_every_shard_sees_every_part_of_a_table_of_few_large_files():
    planned = plan(table([8000 * MIB] * 2), shards=4, predicate=ALL)
    for shard in planned:
        assert {piece.path for piece in shard} == {"/table/0000.parquet", "/table/0001.parquet"}


@pytest.mark.parametrize(
    ("sizes", "asked", "expected"),
    [
        ([], 8, 1),
        ([0], 8, 1),
        ([2000], 8, 1),
        ([2000] * 3, 8, 3),
        ([3 * MIB], 8, 3),
        ([3 * MIB, 100], 8, 4),
        ([500 * MIB], 8, 8),
    ],
)
def test_there_are_no_more_shards_than_row_groups_are_likely(sizes, asked, expected):
    assert len(plan(table(sizes), shards=asked, predicate=ALL)) == expected


def test_excluded_partitions_are_left_out():
    months = [{"month": number} for number in (1, 2, None, 12)]
    snapshot = table([100] * 4, partitions=months)
    planned = plan(snapshot, shards=8, predicate=parse(["month <= 9", "x > 5"]))
    assert [piece.partition for shard in planned for piece in shard] == [{"month": 1}, {"month": 2}]
    assert plan(snapshot, shards=8, predicate=parse(["month > 99"])) == ((),)


def test_a_predicate_that_does_not_fit_the_table_is_refused():
    with pytest.raises(ContractError, match="`y > 1`"):
        plan(table([100]), shards=1, predicate=parse(["y > 1"]))


def partitioned(partitions: list[dict[str, object]]) -> Snapshot:
    files = tuple(
        DataFile(f"/table/{number:04}.parquet", 10 + number, None, partition)
        for number, partition in enumerate(partitions)
    )
    columns = tuple(partitions[0])
    schema = pa.schema([("x", pa.int32()), *((name, pa.int64()) for name in columns)])
    return Snapshot("/table", "delta", None, schema, columns, files)


def test_a_shard_has_all_files_of_a_value_and_no_other() -> None:
    days = [{"day": day, "hour": hour} for hour in (1, 2) for day in (3, 1, 2)]
    planned = plan_by_partition(partitioned(days), columns=["day"], predicate=parse(["day <= 2"]))
    assert [{piece.partition["day"] for piece in shard} for shard in planned] == [{1}, {2}]
    assert [[piece.path for piece in shard] for shard in planned] == [
        ["/table/0001.parquet", "/table/0004.parquet"],
        ["/table/0002.parquet", "/table/0005.parquet"],
    ]
    assert all((p.start, p.stop) == (0, p.size) for shard in planned for p in shard)


def test_several_columns_make_a_partition() -> None:
    days = [{"day": day, "hour": hour} for day in (1, 2) for hour in (1, 2)]
    assert len(plan_by_partition(partitioned(days), columns=["day", "hour"], predicate=ALL)) == 4


def test_a_written_plan_still_tells_the_partition(tmp_path) -> None:
    days = [{"day": day} for day in (7, None)]
    planned = plan_by_partition(partitioned(days), columns=["day"], predicate=ALL)
    written = write_plan(Folder(tmp_path), "plan", planned)
    shards = [written.read(number) for number in range(2)]
    names = [partition_name(partitioned(days), ["day"], shard[0]) for shard in shards]
    assert names == ["day=7", "day=__HIVE_DEFAULT_PARTITION__"]


@pytest.mark.parametrize(
    ("value", "name"),
    [(datetime.date(2013, 1, 5), "d=2013-01-05"), (True, "d=true"), ("a/b", "d=a%2Fb")],
)
def test_partitions_are_called_as_their_folders(value: object, name: str) -> None:
    snapshot = partitioned([{"d": value, "hour": 7}])
    part = slice_of(snapshot.files[0], 0, 1, snapshot)
    assert partition_name(snapshot, ["d"], part) == name


def test_a_parquet_tables_partitions_keep_their_folders_names(tmp_path: Path) -> None:
    for folder in ("Month=01/c=S%C3%A3o", "month=02/c=", "month=10/c=a%2Fb", "month=1/c=S%C3%A3o"):
        (tmp_path / folder).mkdir(parents=True)
        pq.write_table(pa.table({"x": [1]}), tmp_path / folder / "a.parquet")
    snapshot = open_parquet(str(tmp_path))

    def names(*columns: str) -> list[str]:
        planned = plan_by_partition(snapshot, columns=columns, predicate=ALL)
        return [partition_name(snapshot, columns, shard[0]) for shard in planned]

    assert names("Month") == ["Month=01", "Month=02", "Month=10"]
    assert names("c", "Month") == [
        "c=São/Month=01",
        "c=__HIVE_DEFAULT_PARTITION__/Month=02",
        "c=a%2Fb/Month=10",
    ]


def test_a_column_that_does_not_partition_the_table_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"not partitioned by it.*Did you mean 'day'"):
        plan_by_partition(partitioned([{"day": 1}]), columns=["dya"], predicate=ALL)
    with pytest.raises(ConfigurationError, match="a table without partitions"):
        plan_by_partition(partitioned([{}]), columns=["x"], predicate=ALL)


def test_too_many_partitions_are_refused() -> None:
    many = partitioned([{"day": day} for day in range(MOST_PARTITIONS + 1)])
    with pytest.raises(ConfigurationError, match="at most 500 values of day"):
        plan_by_partition(many, columns=["day"], predicate=ALL)
    planned = plan_by_partition(many, columns=["day"], predicate=parse(["day > 0"]))
    assert len(planned) == MOST_PARTITIONS
