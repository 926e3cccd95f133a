"""The files of a folder: each once, none that is hidden, unfinished or of another format."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.settings import Table
from petafit.errors import ConfigurationError, EmptyInputError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.opening import open_table
from petafit.table.parquet.listing import list_files

_COMPACT = "spark.sql.streaming.fileSink.log.compactInterval"
ROWS = pa.table({"id": [1, 2, 3], "y": [0, 1, 0]})


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(ROWS, path)
    return path


def listed(folder):
    return [name for name, _ in list_files(Folder(folder))]


def pinned(folder):
    snapshot = open_table(Table(uri=str(folder)))
    return [(file.path.removeprefix(f"{folder}/"), dict(file.partition)) for file in snapshot.files]


def test_a_link_back_to_the_table_is_not_followed(tmp_path, caplog):
    write(tmp_path / "t" / "p=1" / "a.parquet")
    (tmp_path / "t" / "latest").symlink_to(tmp_path / "t")
    (tmp_path / "t" / "p=1" / "up").symlink_to(tmp_path)
    assert pinned(tmp_path / "t") == [("p=1/a.parquet", {"p": 1})]
    assert "2 links" in caplog.text
    assert "latest" in caplog.text


def test_links_that_lead_to_each_other_outside_the_table_are_followed_once(tmp_path):
    write(tmp_path / "other" / "b.parquet")
    write(tmp_path / "more" / "c.parquet")
    (tmp_path / "other" / "to").symlink_to(tmp_path / "more")
    (tmp_path / "more" / "fro").symlink_to(tmp_path / "other")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "link").symlink_to(tmp_path / "other")
    assert listed(tmp_path / "t") == ["link/b.parquet", "link/to/c.parquet"]


def test_a_partition_under_two_names_counts_in_its_own_place(tmp_path):
    write(tmp_path / "p=2" / "a.parquet")
    (tmp_path / "p=1").symlink_to(tmp_path / "p=2")
    (tmp_path / "p=3").mkdir()
    (tmp_path / "p=3" / "b.parquet").symlink_to(tmp_path / "p=2" / "a.parquet")
    assert pinned(tmp_path) == [("p=2/a.parquet", {"p": 2})]


def test_a_file_elsewhere_counts_once_and_one_that_is_hidden_counts_behind_its_link(tmp_path):
    for name in ("elsewhere/x.parquet", "t/.store/y.parquet", "t/.z.parquet"):
        write(tmp_path / name)
    links = {"a": "elsewhere/x.parquet", "b": "elsewhere/x.parquet", "c": "t/.store/y.parquet"}
    for name, target in {**links, "d": "t/.z.parquet"}.items():
        (tmp_path / "t" / f"{name}.parquet").symlink_to(tmp_path / target)
    assert listed(tmp_path / "t") == ["a.parquet", "c.parquet", "d.parquet"]
    assert dict(list_files(Folder(tmp_path / "t")))["a.parquet"] > 100


def test_a_table_that_is_a_link_is_the_table_it_leads_to(tmp_path):
    write(tmp_path / "v2" / "p=1" / "a.parquet")
    (tmp_path / "current").symlink_to(tmp_path / "v2")
    assert pinned(tmp_path / "current") == [("p=1/a.parquet", {"p": 1})]


def test_hard_links_are_files_like_copies(tmp_path):
    os.link(write(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    assert listed(tmp_path) == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize("target", ["nowhere.parquet", "b.parquet"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, target):
    write(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").symlink_to(tmp_path / target)
    with pytest.raises(StorageError, match=r"b\.parquet leads nowhere"):
        listed(tmp_path)


@given(st.lists(st.tuples(*[st.sampled_from(["a", "b", "c/d", "c", "e=1/f"])] * 2), max_size=5))
def test_no_link_changes_which_files_count(tmp_path_factory, links):
    top = tmp_path_factory.mktemp("links")
    names = [f"{folder}/{folder[-1]}.parquet" for folder in ("a", "b", "c/d", "e=1/f")]
    for name in names:
        write(top / name)
    for number, (folder, target) in enumerate(links):
        (top / folder / f"to-{number}").symlink_to(top / target)
    assert listed(top) == names


@pytest.mark.parametrize(
    "name",
    [
        "_SUCCESS",
        ".a.parquet.crc",
        "a.parquet.crc",
        "_temporary/0/b.parquet",
        ".staging-1/b.parquet",
        ".part-0-0.inprogress.4f",
        "b.parquet.tmp",
        "b.parquet.inprogress",
        "b.parquet._COPYING_",
        "_metadata",
    ],
)
def test_hidden_and_unfinished_files_do_not_count(tmp_path, name):
    write(tmp_path / "a.parquet")
    write(tmp_path / name)
    assert listed(tmp_path) == ["a.parquet"]


@pytest.mark.parametrize("name", ["p=1_$folder$", "done", "000001_0", "finished.flag"])
def test_markers_without_content_do_not_count(tmp_path, name):
    write(tmp_path / "a.parquet")
    (tmp_path / name).touch()
    assert listed(tmp_path) == ["a.parquet"]


def test_an_empty_file_that_is_called_parquet_is_refused_when_it_is_read(tmp_path):
    (tmp_path / "a.parquet").touch()
    with pytest.raises(StorageError, match=r"a\.parquet cannot be read as Parquet"):
        open_table(Table(uri=str(tmp_path)))


@pytest.mark.parametrize("name", ["README.txt", "a.csv", "sub/b.json", "a.parquet.gz"])
def test_foreign_files_are_refused_by_one_message(tmp_path, name):
    write(tmp_path / "z.parquet")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("id,y\n1,0\n2,1\n")
    with pytest.raises(StorageError, match=f"not Parquet.*{name}.*Move them out"):
        listed(tmp_path)


def test_parquet_by_any_name_counts(tmp_path):
    names = ["000000_0", "a.parq", "b.0.pq", "c.0001", "part-r-1.gz.PARQUET"]
    for name in names:
        write(tmp_path / name)
    assert listed(tmp_path) == names


def iceberg(folder):
    write(folder / "data" / "p=1" / "a.parquet")
    (folder / "metadata").mkdir()
    (folder / "metadata" / "v1.metadata.json").write_text("{}")


def hudi(folder):
    write(folder / "p=1" / "a.parquet")
    (folder / ".hoodie").mkdir()
    (folder / ".hoodie" / "hoodie.properties").write_text("")


def delta(folder):
    write_deltalake(folder, ROWS, partition_by=["y"])


@pytest.mark.parametrize(
    ("make", "read", "kind"),
    [
        (iceberg, ".", "an Iceberg table"),
        (iceberg, "data", "an Iceberg table"),
        (iceberg, "data/p=1/a.parquet", "an Iceberg table"),
        (hudi, ".", "a Hudi table"),
        (hudi, "p=1", "a Hudi table"),
        (delta, "y=1", "a Delta table.*Name that as `table.uri`"),
        (delta, "..", "a Delta table"),
        (iceberg, "..", "an Iceberg table"),
        (hudi, "..", "a Hudi table"),
    ],
)
def test_parts_of_tables_with_a_log_of_another_kind_are_refused(tmp_path, make, read, kind):
    write(tmp_path / "top" / "beside.parquet")
    make(tmp_path / "top" / "table")
    with pytest.raises(ConfigurationError, match=kind):
        open_table(Table(uri=str((tmp_path / "top" / "table" / read).resolve())))


def test_object_stores_are_listed_by_the_same_rules():
    root = Folder("mock://memory/top/table")
    for name in ("p=1/a.parquet", "_temporary/p=1/b.parquet", "p=1/c.parquet.tmp"):
        file = root.child(name)
        root.filesystem.create_dir(file.path.rpartition("/")[0])
        pq.write_table(ROWS, file.path, filesystem=root.filesystem)
    assert [name for name, _ in list_files(root)] == ["p=1/a.parquet"]
    root.filesystem.create_dir(root.child("p=2/_delta_log").path)
    pq.write_table(ROWS, root.child("p=2/_delta_log/0.json").path, filesystem=root.filesystem)
    with pytest.raises(ConfigurationError, match=r"holds .*p%3D2, which is a Delta table"):
        list_files(root)


def stream(spark, source, target, checkpoint):
    reader = spark.readStream.schema("id BIGINT, y BIGINT").parquet(str(source))
    writer = reader.writeStream.format("parquet").option("checkpointLocation", str(checkpoint))
    writer.trigger(availableNow=True).start(str(target)).awaitTermination()


def test_of_a_streams_output_only_what_its_log_lists_counts(spark, tmp_path):
    spark.conf.set(_COMPACT, 2)
    for number in range(4):
        write(tmp_path / "source" / f"{number}.parquet")
        stream(spark, tmp_path / "source", tmp_path / "out", tmp_path / "checkpoint")
    spark.conf.unset(_COMPACT)
    write(tmp_path / "out" / "part-of-a-batch-that-failed.parquet")
    assert any((tmp_path / "out" / "_spark_metadata").glob("*.compact"))
    snapshot = open_table(Table(uri=str(tmp_path / "out")))
    rows = sum(pq.read_metadata(file.path).num_rows for file in snapshot.files)
    assert rows == spark.read.parquet(str(tmp_path / "out")).count() == 12

    (tmp_path / "out").rename(tmp_path / "moved")
    with pytest.raises(StorageError, match="moved or copied"):
        open_table(Table(uri=str(tmp_path / "moved")))
    (tmp_path / "moved").rename(tmp_path / "out")
    Path(snapshot.files[0].path).unlink()
    with pytest.raises(StorageError, match="missing that its log lists"):
        open_table(Table(uri=str(tmp_path / "out")))
    for batch in (tmp_path / "out" / "_spark_metadata").glob("[0-9]*"):
        batch.write_text("v1\n{")
    with pytest.raises(StorageError, match="cannot be read"):
        open_table(Table(uri=str(tmp_path / "out")))


def test_a_folder_of_markers_alone_is_an_empty_input(tmp_path):
    (tmp_path / "done").touch()
    with pytest.raises(EmptyInputError, match="no Parquet files"):
        open_table(Table(uri=str(tmp_path)))
