"""Parquet files written from batches."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.errors import StorageError
from petafit.store.filesystem import Folder
from petafit.table.writers.files import PartitionedWriter


def batch(start: int, stop: int) -> pa.RecordBatch:
    values = list(range(start, stop))
    names = pa.array([f"name {value % 3}" for value in values]).dictionary_encode()
    return pa.record_batch({"x": values, "name": names, "day": [value % 2 for value in values]})


def written(folder: Path, **options: object) -> PartitionedWriter:
    writer = PartitionedWriter(Folder(folder), **options)  # type: ignore[arg-type]
    for start in range(0, 100, 10):
        writer.write(batch(start, start + 10))
    writer.close()
    return writer


def test_files_have_all_rows_and_count_them(tmp_path: Path) -> None:
    writer = written(tmp_path, partition_by=["day"])
    assert [file.partition for file in writer.files] == [("0",), ("1",)]
    for file in writer.files:
        assert file.path.startswith(f"day={file.partition[0]}/part-")
        assert file.size == (tmp_path / file.path).stat().st_size
        table = pq.read_table(tmp_path / file.path, partitioning=None)
        assert table.schema == pa.schema({"x": pa.int64(), "name": pa.string()})
        assert table.num_rows == file.rows == 50
        assert table["x"].to_pylist() == list(range(int(file.partition[0] or 0), 100, 2))


def test_buffered_rows_have_a_limit(tmp_path: Path) -> None:
    writer = PartitionedWriter(Folder(tmp_path), file_rows=25)
    writer.write(batch(0, 20))
    assert not writer.files
    writer.write(batch(20, 40))
    assert [file.rows for file in writer.files] == [40]
    assert not writer.pending


def test_the_largest_partition_is_written_first(tmp_path: Path) -> None:
    writer = PartitionedWriter(Folder(tmp_path), ["day"], file_rows=10)
    writer.write(pa.record_batch({"x": range(11), "day": [1] * 3 + [2] * 8}))
    assert [(file.partition, file.rows) for file in writer.files] == [(("2",), 8)]


def test_the_same_rows_give_the_same_files(tmp_path: Path) -> None:
    first = written(tmp_path / "a", partition_by=["day"], file_rows=30)
    again = written(tmp_path / "a", partition_by=["day"], file_rows=30)
    assert first.files == again.files
    assert Folder(tmp_path / "a").files() == sorted(file.path for file in first.files)


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "day=0").write_text("in the way")
    with pytest.raises(StorageError, match="day=0"):
        written(tmp_path, partition_by=["day"])


def test_instants_are_kept_in_microseconds(tmp_path: Path) -> None:
    writer = PartitionedWriter(Folder(tmp_path))
    writer.write(pa.record_batch({"at": pa.array([1_500], pa.timestamp("ns", "UTC"))}))
    [file] = writer.close()
    assert pq.read_schema(tmp_path / file.path).field("at").type == pa.timestamp("us", "UTC")


def test_a_writer_without_rows_writes_nothing(tmp_path: Path) -> None:
    writer = PartitionedWriter(Folder(tmp_path), ["day"])
    writer.write(batch(0, 0))
    assert writer.close() == []
    assert Folder(tmp_path).files() == []
