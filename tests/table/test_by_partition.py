"""Plans with a shard for each partition."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.by_partition import MOST_PARTITIONS, partition_name, plan_by_partition
from petafit.table.filters.predicate import parse
from petafit.table.parquet.snapshot import open_parquet
from petafit.table.plans import write_plan
from petafit.table.shards import slice_of
from petafit.table.snapshot import DataFile, Snapshot

ALL = parse([])


def table(partitions: list[dict[str, object]]) -> Snapshot:
    files = tuple(
        DataFile(f"/table/{number:04}.parquet", 10 + number, None, partition)
        for number, partition in enumerate(partitions)
    )
    columns = tuple(partitions[0])
    schema = pa.schema([("x", pa.int32()), *((name, pa.int64()) for name in columns)])
    return Snapshot("/table", "delta", None, schema, columns, files)


def test_a_shard_has_all_files_of_a_value_and_no_other() -> None:
    days = [{"day": day, "hour": hour} for hour in (1, 2) for day in (3, 1, 2)]
    planned = plan_by_partition(table(days), columns=["day"], predicate=parse(["day <= 2"]))
    assert [{piece.partition["day"] for piece in shard} for shard in planned] == [{1}, {2}]
    assert [[piece.path for piece in shard] for shard in planned] == [
        ["/table/0001.parquet", "/table/0004.parquet"],
        ["/table/0002.parquet", "/table/0005.parquet"],
    ]
    assert all((p.start, p.stop) == (0, p.size) for shard in planned for p in shard)


def test_several_columns_make_a_partition() -> None:
    days = [{"day": day, "hour": hour} for day in (1, 2) for hour in (1, 2)]
    assert len(plan_by_partition(table(days), columns=["day", "hour"], predicate=ALL)) == 4


def test_a_written_plan_still_tells_the_partition(tmp_path) -> None:
    days = [{"day": day} for day in (7, None)]
    planned = plan_by_partition(table(days), columns=["day"], predicate=ALL)
    written = write_plan(Folder(tmp_path), "plan", planned)
    shards = [written.read(number) for number in range(2)]
    names = [partition_name(table(days), ["day"], shard[0]) for shard in shards]
    assert names == ["day=7", "day=__HIVE_DEFAULT_PARTITION__"]


@pytest.mark.parametrize(
    ("value", "name"),
    [(datetime.date(2013, 1, 5), "d=2013-01-05"), (True, "d=true"), ("a/b", "d=a%2Fb")],
)
def test_partitions_are_called_as_their_folders(value: object, name: str) -> None:
    snapshot = table([{"d": value, "hour": 7}])
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
        plan_by_partition(table([{"day": 1}]), columns=["dya"], predicate=ALL)
    with pytest.raises(ConfigurationError, match="a table without partitions"):
        plan_by_partition(table([{}]), columns=["x"], predicate=ALL)


def test_too_many_partitions_are_refused() -> None:
    many = table([{"day": day} for day in range(MOST_PARTITIONS + 1)])
    with pytest.raises(ConfigurationError, match="at most 500 values of day"):
        plan_by_partition(many, columns=["day"], predicate=ALL)
    planned = plan_by_partition(many, columns=["day"], predicate=parse(["day > 0"]))
    assert len(planned) == MOST_PARTITIONS
