"""Dealing a table out: every byte in one shard, and shards of equal size."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ContractError
from petafit.table.filters.predicate import parse
from petafit.table.shards import SMALLEST_RANGE, plan
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
