"""Parquet tables: which files, which partition values, which schema."""

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Table
from petafit.errors import ContractError, EmptyInputError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.opening import open_table
from petafit.table.parquet.snapshot import open_file, open_parquet

ROWS = pa.table({"x": [1, 2], "s": ["a", "b"]})


def write(path, table=ROWS):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def test_files_are_sorted_with_sizes_and_hidden_names_left_out(tmp_path):
    for name in ["b.parquet", "a.parquet", "sub/c.parquet"]:
        write(tmp_path / name)
    for name in ["_SUCCESS", ".a.parquet.crc", "_temporary/0/d.parquet", ".hidden/e.parquet"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("no table data")
    snapshot = open_parquet(str(tmp_path))
    names = ["a.parquet", "b.parquet", "sub/c.parquet"]
    assert [file.path for file in snapshot.files] == [str(tmp_path / name) for name in names]
    assert [file.size for file in snapshot.files] == [
        (tmp_path / name).stat().st_size for name in names
    ]
    assert snapshot.schema == pa.schema({"x": pa.int64(), "s": pa.string()})
    assert snapshot.partition_columns == ()
    assert snapshot.scan_reason is None
    assert snapshot.rows is None


def test_a_single_file_is_a_table_without_partitions(tmp_path):
    write(tmp_path / "day=1" / "a.parquet")
    snapshot = open_table(Table(uri=str(tmp_path / "day=1" / "a.parquet")))
    assert [file.path for file in snapshot.files] == [str(tmp_path / "day=1" / "a.parquet")]
    assert snapshot.schema.names == ["x", "s"]


def test_partition_values_are_typed_alike_over_all_folders_as_pyarrow_types_them(tmp_path):
    folders = ["m=01/p=x%20y", "m=2/p=a%2520b", "m=-3/p=7", "m=__HIVE_DEFAULT_PARTITION__/p=ä%2Fö"]
    for folder in folders:
        write(tmp_path / folder / "a.parquet")
    snapshot = open_parquet(str(tmp_path))
    assert snapshot.partition_columns == ("m", "p")
    values = {(file.partition["m"], file.partition["p"]) for file in snapshot.files}
    assert values == {(1, "x y"), (2, "a%20b"), (-3, "7"), (None, "ä/ö")}
    reference = ds.dataset(tmp_path, partitioning="hive")
    assert snapshot.schema == reference.schema
    rows = reference.to_table(columns=["m", "p"]).to_pylist()
    assert values == {(row["m"], row["p"]) for row in rows}


def test_large_integers_get_64_bits_and_partitions_without_values_are_text(tmp_path):
    for folder in ["n=3000000000/e=__HIVE_DEFAULT_PARTITION__", "n=1/e="]:
        write(tmp_path / folder / "a.parquet")
    snapshot = open_parquet(str(tmp_path))
    assert snapshot.schema.field("n").type == pa.int64()
    assert snapshot.schema.field("e").type == pa.string()
    assert {file.partition["e"] for file in snapshot.files} == {None, ""}


def test_partition_folders_may_begin_with_an_underscore_and_win_over_the_files(tmp_path):
    write(tmp_path / "_day=1" / "a.parquet", pa.table({"x": [1], "_day": ["stored"]}))
    snapshot = open_parquet(str(tmp_path))
    assert snapshot.schema == pa.schema({"x": pa.int64(), "_day": pa.int32()})


def test_files_partitioned_by_other_columns_are_named(tmp_path):
    write(tmp_path / "day=1" / "a.parquet")
    write(tmp_path / "hour=1" / "a.parquet")
    with pytest.raises(ContractError, match=r"hour=1/a\.parquet.* Move the file"):
        open_parquet(str(tmp_path))


def test_a_folder_without_files_is_an_empty_input(tmp_path):
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(EmptyInputError, match="no Parquet files"):
        open_parquet(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"year,month\n2013,1\n" * 20, b"PAR1" + bytes(50)])
def test_a_file_of_another_format_is_named(tmp_path, content):
    (tmp_path / "data.parquet").write_bytes(content)
    with pytest.raises(StorageError, match=r"data\.parquet cannot be read as Parquet"):
        open_parquet(str(tmp_path))


def test_a_file_that_changed_or_went_is_named(tmp_path):
    write(tmp_path / "a.parquet")
    size = (tmp_path / "a.parquet").stat().st_size
    with (
        pytest.raises(StorageError, match=r"a\.parquet changed"),
        open_file(str(tmp_path / "a.parquet"), size=size + 1),
    ):
        pass
    with (
        pytest.raises(StorageError, match=r"b\.parquet cannot be read"),
        open_file(str(tmp_path / "b.parquet"), size=size),
    ):
        pass


def test_any_filesystem_of_pyarrow_will_do():
    root = Folder("mock://memory/table")
    file = root.child("p=a%20b", "f.parquet")
    root.filesystem.create_dir(root.child("p=a%20b").path)
    pq.write_table(ROWS, file.path, filesystem=root.filesystem)
    snapshot = open_table(Table(uri=root.uri))
    assert [found.path for found in snapshot.files] == [file.uri]
    assert snapshot.files[0].partition == {"p": "a b"}
    with open_file(file.uri, size=snapshot.files[0].size) as opened:
        assert opened.parquet.read() == ROWS
