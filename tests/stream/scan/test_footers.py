from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Table
from petafit.errors import ContractError, StorageError
from petafit.store.filesystem import Folder
from petafit.stream.direct import DirectSource
from petafit.stream.scan.footers import check_footers
from petafit.table.filters.predicate import Predicate
from petafit.table.opening import open_table
from petafit.table.plans import write_plan
from petafit.table.shards import plan


@pytest.fixture
def rows(tmp_path: Path) -> DirectSource:
    (tmp_path / "table").mkdir()
    for number in range(4):
        pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), path_of(tmp_path, number))
    snapshot = open_table(Table(uri=str(tmp_path / "table")))
    folder = Folder(tmp_path / "plans")
    written = write_plan(folder, "plan", plan(snapshot, shards=2, predicate=Predicate()))
    return DirectSource.of(
        written, snapshot=snapshot, columns=("a",), predicate=Predicate(), batch_rows=10
    )


def path_of(folder: Path, number: int) -> Path:
    return folder / "table" / f"{number}.parquet"


def checked(rows: DirectSource) -> tuple[list[dict[str, int]], list[int]]:
    """The answers of all shards, and the numbers of files that they reported."""
    beats: list[int] = []
    return [check_footers(rows, shard, beats.append) for shard in range(rows.shards)], beats


def test_every_file_is_checked_and_its_rows_are_counted(rows: DirectSource) -> None:
    found, beats = checked(rows)
    assert found == [{"rows": 2, "read": 4, "promised": 4}] * 2
    assert beats == [1, 2, 1, 2]


def test_a_file_without_the_column_is_named(rows: DirectSource, tmp_path: Path) -> None:
    size = path_of(tmp_path, 2).stat().st_size
    pq.write_table(pa.table({"c": [1, 2], "b": ["x", "y"]}), path_of(tmp_path, 2))
    assert path_of(tmp_path, 2).stat().st_size == size
    with pytest.raises(ContractError, match=r"'a' of .*2\.parquet"):
        checked(rows)


def test_a_damaged_file_is_named(rows: DirectSource, tmp_path: Path) -> None:
    content = path_of(tmp_path, 2).read_bytes()
    path_of(tmp_path, 2).write_bytes(content[:-20] + bytes(20))
    with pytest.raises(StorageError, match=r"2\.parquet"):
        checked(rows)


@pytest.mark.parametrize(
    ("first", "later", "is_read"),
    [
        (pa.array([1, 2], pa.timestamp("us")), pa.array([1000, None], pa.timestamp("ns")), False),
        (pa.array(["x", "y"]), pa.nulls(2), False),
        (pa.array([True, False]), pa.nulls(2), False),
        (pa.array([1, 2]), pa.nulls(2), True),
        (pa.array([0.5, 2]), pa.nulls(2), True),
    ],
)
def test_what_only_direct_reading_takes_is_named_before_spark_scans(
    tmp_path: Path, rows: DirectSource, first: pa.Array, later: pa.Array, is_read: bool
) -> None:
    for number in range(4):
        table = pa.table({"a": later if number == 2 else first})
        pq.write_table(table, path_of(tmp_path, number))
    snapshot = open_table(Table(uri=str(tmp_path / "table")))
    written = write_plan(
        Folder(tmp_path / "plans"), "again", plan(snapshot, shards=2, predicate=Predicate())
    )
    rows = DirectSource.of(
        written, snapshot=snapshot, columns=("a",), predicate=Predicate(), batch_rows=10
    )
    if is_read:
        assert sum(answer["rows"] for answer in checked(rows)[0]) == 4
    else:
        with pytest.raises(ContractError, match=r"Spark cannot read column 'a' of .*2\.parquet"):
            checked(rows)
