"""Codes taken from pages: what pyarrow reads of the same files, whoever wrote them and how."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.store.filesystem import Folder
from petafit.stream.parquet import pages
from tests.stream.columns import by_pyarrow, read
from tests.stream.files import numbered, write

CODECS = ["none", "snappy", "gzip", "zstd"]
LAW = settings(max_examples=150, deadline=None)


texts = st.text(st.characters(codec="utf-8"), max_size=12)


@given(
    known=st.lists(texts, min_size=1, max_size=40),
    places=st.lists(st.one_of(st.none(), st.integers(0, 39)), min_size=1, max_size=400),
    nullable=st.booleans(),
    step=st.integers(1, 300),
    options=st.fixed_dictionaries(
        {
            "compression": st.sampled_from(CODECS),
            "data_page_version": st.sampled_from(["1.0", "2.0"]),
            # a page ends after each batch that reaches its size
            "write_batch_size": st.integers(1, 300),
            "data_page_size": st.just(1),
            "row_group_size": st.integers(50, 500),
            "write_page_checksum": st.booleans(),
            "write_statistics": st.booleans(),
        }
    ),
)
@LAW
def test_whatever_is_written_is_read(tmp_path_factory, known, places, nullable, step, options):
    nulls_too = [known[place % len(known)] if place is not None else None for place in places]
    values = nulls_too if nullable else [text or "" for text in nulls_too]
    schema = pa.schema([pa.field("s", pa.string(), nullable=nullable)])
    path = tmp_path_factory.mktemp("law") / "a.parquet"
    pq.write_table(pa.table({"s": values}, schema), path, **options)
    assert read(path, step) == by_pyarrow(path) == values


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", CODECS)
def test_long_columns_with_many_values_are_read(tmp_path, compression, version):
    rows = [f"value {row * row % 9973}" if row % 13 else None for row in range(60_000)]
    options = {"compression": compression, "data_page_version": version}
    path = write(tmp_path / "a.parquet", pa.table({"s": rows}), data_page_size=5000, **options)
    assert read(path, step=7001) == by_pyarrow(path)


def test_texts_that_had_no_room_in_the_dictionary_are_added_to_it(tmp_path):
    rows = [f"{row % 500}" for row in range(40_000)] + [f"late {row}" for row in range(300)]
    path = tmp_path / "a.parquet"
    options = {"dictionary_pagesize_limit": 4000, "data_page_size": 1000}
    write(path, pa.table({"s": [*rows, None, "0"]}), **options, write_batch_size=1000)
    assert "PLAIN" in pq.read_metadata(path).row_group(0).column(0).encodings
    assert read(path, step=10_000) == by_pyarrow(path)


def test_a_dictionary_may_have_more_texts_than_there_are_rows(tmp_path):
    known = pa.array([f"{number}" for number in range(1000)])
    column = pa.DictionaryArray.from_arrays(pa.array([7, None, 999], pa.int32()), known)
    path = write(tmp_path / "a.parquet", pa.table({"s": column}))
    assert read(path) == by_pyarrow(path) == ["7", None, "999"]


@pytest.mark.parametrize("rows", [[None] * 50, [""] * 50, ["x" * 300_000, None, "y" * 2_000_000]])
def test_columns_of_nothing_of_one_value_and_of_long_ones_are_read(tmp_path, rows):
    for version in ("1.0", "2.0"):
        options = {"data_page_version": version, "dictionary_pagesize_limit": 1 << 22}
        path = write(tmp_path / f"{version}.parquet", pa.table({"s": rows}), **options)
        assert read(path) == rows


def test_a_window_that_is_smaller_than_a_header_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "_WINDOW_BYTES", 8)
    monkeypatch.setattr(pages, "_HEADER_BYTES", 4)
    path = write(tmp_path / "a.parquet", numbered(0, 3000), data_page_size=500)
    assert read(path) == by_pyarrow(path)


def test_files_of_delta_rs_are_read(tmp_path):
    write_deltalake(tmp_path, numbered(0, 5000))
    (path,) = tmp_path.glob("*.parquet")
    assert read(path, step=999) == by_pyarrow(path)


@pytest.mark.spark
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_files_of_spark_are_read(tmp_path, spark, version):
    frame = spark.sql(
        "SELECT IF(id % 7 = 0, NULL, 'value ' || (id * id % 997)) AS s FROM RANGE(50000)"
    )
    writer = frame.coalesce(1).write.option("parquet.writer.version", version)
    writer.option("parquet.page.row.count.limit", 3000).parquet(str(tmp_path / "table"))
    (path,) = (tmp_path / "table").glob("*.parquet")
    assert read(path, step=4096) == by_pyarrow(path)


def test_any_filesystem_of_pyarrow_will_do(direct, rows_of):
    root = Folder("mock://memory/coded")
    root.filesystem.create_dir(root.path)
    path = root.child("f.parquet").path
    pq.write_table(numbered(0, 300), path, filesystem=root.filesystem, row_group_size=100)
    assert rows_of(direct(root.uri)) == numbered(0, 300).to_pylist()
