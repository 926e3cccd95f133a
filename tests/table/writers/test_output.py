"""Tables written from workers: all of the new rows or all of the old."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from petafit.config.settings import Table
from petafit.errors import ConfigurationError, EmptyInputError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.opening import open_table
from petafit.table.snapshot import Format
from petafit.table.writers import delta_commit
from petafit.table.writers.files import PartitionedWriter, WrittenFile
from petafit.table.writers.output import Output

SCHEMA = pa.schema([("x", pa.int64()), ("city", pa.string())])
CITIES = ["a b", "c%20d", None, "é/=x"]


def output(folder: Path, format: Format, key: str = "k1", **options: Any) -> Output:
    return Output(str(folder / "t"), format, SCHEMA, key, ("city",), **options)


def write(out: Output, xs: list[int], cities: list[str | None] | None = None) -> list[WrittenFile]:
    """Two workers write the rows, each its half."""
    files = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        writer = PartitionedWriter(out.staging, out.partition_by)
        some = xs[half]
        writer.write(
            pa.record_batch(
                {"x": some, "city": pa.array((cities or CITIES * len(xs))[: len(xs)][half])}
                if some
                else {"x": pa.array([], pa.int64()), "city": pa.array([], pa.string())}
            )
        )
        files += writer.close()
    return files


def rows(out: Output) -> list[tuple[int, str | None]]:
    snapshot = open_table(Table(uri=out.uri, format=out.format))
    found = []
    for file in snapshot.files:
        table = ds.dataset(file.path, format="parquet").to_table()
        assert file.rows in (None, table.num_rows)
        found += [(x, file.partition["city"]) for x in table["x"].to_pylist()]
    return sorted(found)  # type: ignore[arg-type]


def expected(xs: list[int]) -> list[tuple[int, str | None]]:
    return [(x, CITIES[i % 4]) for i, x in enumerate(xs)]


@pytest.fixture(params=["delta", "parquet"])
def format(request: pytest.FixtureRequest) -> Format:
    return request.param  # type: ignore[no-any-return]


def test_a_table_is_there_after_the_commit_only(tmp_path: Path, format: Format) -> None:
    out = output(tmp_path, format)
    out.check()
    files = write(out, list(range(20)))
    with pytest.raises((ConfigurationError, EmptyInputError)):
        open_table(Table(uri=out.uri, format=format))
    assert out.commit(files) == (0 if format == "delta" else None)
    assert rows(out) == expected(list(range(20)))


def test_a_second_writing_replaces_the_first(tmp_path: Path, format: Format) -> None:
    first, second = output(tmp_path, format), output(tmp_path, format, "k2")
    first.commit(write(first, list(range(20))))
    second.check()
    files = write(second, [5, 6, 7])
    assert rows(first) == expected(list(range(20)))
    assert second.commit(files) == (1 if format == "delta" else None)
    assert rows(second) == expected([5, 6, 7])


def test_the_same_key_again_changes_nothing(tmp_path: Path, format: Format) -> None:
    out = output(tmp_path, format)
    version = out.commit(write(out, [1, 2, 3]))
    assert out.commit(write(out, [1, 2, 3])) == version
    assert rows(out) == expected([1, 2, 3])
    assert {path.name for path in tmp_path.iterdir()} == {"t"}


def test_files_of_a_failed_attempt_are_not_part_of_the_table(
    tmp_path: Path, format: Format
) -> None:
    out = output(tmp_path, format)
    write(out, [100, 200])
    out.commit(write(out, [1, 2, 3]))
    assert rows(out) == expected([1, 2, 3])
    found = [path for path in tmp_path.rglob("*.parquet") if "_delta_log" not in path.parts]
    assert len(found) == 3


def test_equal_rows_from_two_workers_count_twice(tmp_path: Path, format: Format) -> None:
    out = output(tmp_path, format)
    files = write(out, [7, 7, 7, 7], ["a b"] * 4)
    assert len({file.path for file in files}) == 1
    out.commit(files)
    assert rows(out) == [(7, "a b")] * 4


def test_files_that_vanished_are_missed(tmp_path: Path, format: Format) -> None:
    out = output(tmp_path, format)
    files = write(out, [1, 2, 3])
    out.staging.remove(files[0].path)
    with pytest.raises(StorageError, match="is missing"):
        out.commit(files)


@pytest.mark.parametrize("renames", [0, 1])
def test_an_interrupted_swap_is_finished_by_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    old, out = output(tmp_path, "parquet"), output(tmp_path, "parquet", "k2")
    old.commit(write(old, [1, 2]))
    files, done, rename = write(out, [3, 4]), [], Folder.rename

    def failing(folder: Folder, name: str, new: str) -> None:
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(name)
        rename(folder, name, new)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "rename", failing)
        with pytest.raises(KeyboardInterrupt):
            out.commit(files)
    out.commit(files)
    assert rows(out) == expected([3, 4])
    assert {path.name for path in tmp_path.iterdir()} == {"t"}


def test_delta_gives_the_version_of_a_commit_after_later_ones(tmp_path: Path) -> None:
    first, second = output(tmp_path, "delta"), output(tmp_path, "delta", "k2")
    files = write(first, [1, 2, 3])
    assert first.commit(files) == 0
    assert second.commit(write(second, [4])) == 1
    assert first.commit(files) == 0
    assert second.commit([]) == 1


def test_delta_gives_its_own_version_beside_a_concurrent_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = output(tmp_path, "delta")
    create = delta_commit.create_table_with_add_actions

    def overtaken(uri: str, *arguments: Any, **options: Any) -> None:
        create(uri, *arguments, **options)
        DeltaTable(uri).alter.set_table_properties({"delta.appendOnly": "false"})

    monkeypatch.setattr(delta_commit, "create_table_with_add_actions", overtaken)
    assert out.commit(write(out, [1, 2, 3])) == 0
    assert DeltaTable(out.uri).version() == 1


def test_delta_gives_the_newest_version_if_the_log_was_cleaned_up(tmp_path: Path) -> None:
    first, second = output(tmp_path, "delta"), output(tmp_path, "delta", "k2")
    first.commit(write(first, [1, 2, 3]))
    second.commit(write(second, [4]))
    DeltaTable(first.uri).create_checkpoint()
    (Path(first.uri) / "_delta_log" / f"{0:020}.json").unlink()
    assert first.commit([]) == 1


def test_a_damaged_delta_log_is_named_and_not_written_to(tmp_path: Path) -> None:
    out = output(tmp_path, "delta")
    out.commit(write(out, [1, 2, 3]))
    (Path(out.uri) / "_delta_log" / f"{0:020}.json").write_text("{")
    again = output(tmp_path, "delta", "k2")
    with pytest.raises(StorageError, match="log of the Delta table at"):
        again.commit(write(again, [4]))


def test_delta_keeps_older_versions_and_properties(tmp_path: Path) -> None:
    first, second = output(tmp_path, "delta"), output(tmp_path, "delta", "k2")
    first.commit(write(first, [1, 2, 3]))
    DeltaTable(first.uri).alter.set_table_properties({"delta.appendOnly": "false"})
    second.commit(write(second, [4]))
    table = DeltaTable(first.uri)
    assert table.metadata().configuration == {"delta.appendOnly": "false"}
    table.load_as_version(0)
    assert len(table.file_uris()) == 3


def test_delta_takes_another_schema_and_partitioning(tmp_path: Path) -> None:
    first = output(tmp_path, "delta")
    first.commit(write(first, [1, 2, 3]))
    other = pa.schema([("y", pa.float64()), ("part", pa.int32())])
    second = Output(first.uri, "delta", other, "k2", ("part",))
    writer = PartitionedWriter(second.staging, ["part"])
    writer.write(pa.record_batch({"y": [0.5], "part": pa.array([3], pa.int32())}))
    assert second.commit(writer.close()) == 1
    snapshot = open_table(Table(uri=first.uri))
    assert snapshot.schema == other
    assert [file.partition for file in snapshot.files] == [{"part": 3}]


def test_no_rows_make_an_empty_delta_table_but_no_parquet_table(tmp_path: Path) -> None:
    delta = output(tmp_path, "delta")
    assert delta.commit([]) == 0
    assert open_table(Table(uri=delta.uri)).schema == SCHEMA
    with pytest.raises(EmptyInputError):
        replace(delta, uri=str(tmp_path / "p"), format="parquet").commit([])


@pytest.mark.parametrize(
    ("format", "found", "message"),
    [
        ("parquet", "notes.txt", "no Parquet table.*'notes.txt' in it"),
        ("parquet", "_delta_log/0.json", "another format"),
        ("parquet", "part-0.parquet", "petafit did not write it"),
        ("parquet", "month=1/part-0.parquet", "petafit did not write it"),
        ("delta", "part-0.parquet", "another format"),
        ("delta", "month=1/part-0.parquet", "another format"),
    ],
)
def test_other_files_at_the_output_are_not_replaced(
    tmp_path: Path, format: Format, found: str, message: str
) -> None:
    Folder(tmp_path).write(f"t/{found}", b"")
    with pytest.raises(ConfigurationError, match=message):
        output(tmp_path, format).check()


def test_a_parquet_table_in_an_object_store_is_refused_with_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Folder, "can_rename", False)
    with pytest.raises(ConfigurationError, match="Use format: delta"):
        output(tmp_path, "parquet").check()


@pytest.mark.parametrize("key", ["", "../up", "_hidden", "a=b", "a/b"])
def test_a_key_that_is_no_folders_name_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match="key"):
        output(tmp_path, "delta", key).check()


def test_spark_reads_committed_rows(spark: Any, tmp_path: Path, format: Format) -> None:
    out = output(tmp_path, format)
    out.commit(write(out, list(range(8))))
    frame = spark.read.format(format).load(out.uri)
    found = sorted((row.x, row.city) for row in frame.collect())
    assert found == expected(list(range(8)))
    assert frame.where("city = 'a b'").count() == 2
    assert frame.where("city is null").count() == 2


def test_a_table_gets_timestamps_without_a_zone_that_had_none(tmp_path: Path) -> None:
    moments = pa.array([datetime(2013, 10, 1), None], pa.timestamp("ns"))
    for key, rows in [
        ("k1", pa.record_batch({"x": [1]})),
        ("k2", pa.record_batch({"x": [1, 2], "then": moments})),
    ]:
        out = Output(str(tmp_path / "t"), "delta", rows.schema, key)
        out.check()
        writer = PartitionedWriter(out.staging)
        writer.write(rows)
        out.commit(writer.close())
    found = DeltaTable(out.uri).to_pyarrow_table()
    assert found["then"].to_pylist() == moments.to_pylist()


def test_a_delta_table_is_not_given_columns_that_differ_by_case_alone(
    tmp_path: Path, format: Format
) -> None:
    schema = pa.schema([("ID", pa.int64()), ("id", pa.int64())])
    out = Output(str(tmp_path / "t"), format, schema, "k1")
    if format == "parquet":
        out.check()
        return
    with pytest.raises(ConfigurationError, match="'ID' and 'id'"):
        out.check()
