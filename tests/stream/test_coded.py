"""Codes taken from pages: what pyarrow reads of the same files, whoever wrote them and how."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import StorageError
from petafit.store.filesystem import Folder
from petafit.stream import chunks, pages
from petafit.stream.chunks import coded_columns
from petafit.table.parquet import open_file
from petafit.table.types import STRINGS
from tests.stream.files import flip_byte, numbered, write

CODECS = ["none", "snappy", "gzip", "zstd"]
LAW = settings(max_examples=150, deadline=None)


def read(file, group, name="s", step=1 << 20):
    """All rows of a string column, read so many at a time."""
    column = coded_columns(file, group, [name])[name]
    left = file.footer.row_group(group).num_rows
    parts = []
    while left:
        parts.append(column.read(min(step, left)))
        left -= len(parts[-1])
        parts[-1].validate(full=True)
    return pa.chunked_array(parts, STRINGS).cast(pa.string())


@contextmanager
def opened(path):
    """The file, and `s` not left to pyarrow however short it is."""
    with (
        pytest.MonkeyPatch.context() as patch,
        open_file(str(path), size=path.stat().st_size, dictionaries=["s"]) as file,
    ):
        patch.setattr(chunks, "is_dictionary", lambda _: True)
        yield replace(file, dictionaries=("s",))


def is_as_pyarrow_reads(path, step=1 << 20):
    with opened(path) as file:
        for group in range(file.footer.num_row_groups):
            expected = pq.ParquetFile(path).read_row_group(group, columns=["s"])["s"]
            assert (
                read(file, group, step=step)
                .combine_chunks()
                .equals(expected.cast(pa.string()).combine_chunks())
            )


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
            "max_rows_per_page": st.integers(1, 300),
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
    is_as_pyarrow_reads(path, step)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", CODECS)
def test_long_columns_with_many_values_are_read(tmp_path, compression, version):
    rows = [f"value {row * row % 9973}" if row % 13 else None for row in range(60_000)]
    options = {"compression": compression, "data_page_version": version}
    path = write(tmp_path / "a.parquet", pa.table({"s": rows}), data_page_size=5000, **options)
    is_as_pyarrow_reads(path, step=7001)


def test_texts_that_had_no_room_in_the_dictionary_are_added_to_it(tmp_path):
    rows = [f"{row % 500}" for row in range(40_000)] + [f"late {row}" for row in range(300)]
    path = tmp_path / "a.parquet"
    options = {"dictionary_pagesize_limit": 4000, "data_page_size": 1000}
    write(path, pa.table({"s": [*rows, None, "0"]}), **options, max_rows_per_page=1000)
    assert "PLAIN" in pq.read_metadata(path).row_group(0).column(0).encodings
    is_as_pyarrow_reads(path, step=10_000)


def test_a_dictionary_may_have_more_texts_than_there_are_rows(tmp_path):
    known = pa.array([f"{number}" for number in range(1000)])
    column = pa.DictionaryArray.from_arrays(pa.array([7, None, 999], pa.int32()), known)
    is_as_pyarrow_reads(write(tmp_path / "a.parquet", pa.table({"s": column})))


@pytest.mark.parametrize("rows", [[None] * 50, [""] * 50, ["x" * 300_000, None, "y" * 2_000_000]])
def test_columns_of_nothing_of_one_value_and_of_long_ones_are_read(tmp_path, rows):
    for version in ("1.0", "2.0"):
        options = {"data_page_version": version, "dictionary_pagesize_limit": 1 << 22}
        is_as_pyarrow_reads(
            write(tmp_path / f"{version}.parquet", pa.table({"s": rows}), **options)
        )


def test_a_window_that_is_smaller_than_a_header_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "_WINDOW_BYTES", 8)
    monkeypatch.setattr(pages, "_HEADER_BYTES", 4)
    is_as_pyarrow_reads(write(tmp_path / "a.parquet", numbered(0, 3000), data_page_size=500))


def test_files_of_delta_rs_are_read(tmp_path):
    write_deltalake(tmp_path, numbered(0, 5000))
    is_as_pyarrow_reads(next(tmp_path.glob("*.parquet")), step=999)


@pytest.mark.spark
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_files_of_spark_are_read(tmp_path, spark, version):
    frame = spark.sql(
        "SELECT IF(id % 7 = 0, NULL, 'value ' || (id * id % 997)) AS s FROM RANGE(50000)"
    )
    writer = frame.coalesce(1).write.option("parquet.writer.version", version)
    writer.option("parquet.page.row.count.limit", 3000).parquet(str(tmp_path / "table"))
    (path,) = (tmp_path / "table").glob("*.parquet")
    is_as_pyarrow_reads(path, step=4096)


@pytest.mark.parametrize("options", [{"compression": "lz4"}, {"flat": False}])
def test_what_is_not_known_here_is_left_to_pyarrow(tmp_path, options):
    column = pa.array(["a", "b"])
    if options.pop("flat", True) is False:
        column = pa.StructArray.from_arrays([column], ["s"])
    path = write(tmp_path / "a.parquet", pa.table({"s": column}), **options)
    with opened(path) as file:
        assert coded_columns(file, 0, ["s"]) == {}


@pytest.mark.parametrize(
    ("said", "is_coded"),
    [
        ({}, True),
        ({"encodings": ("PLAIN_DICTIONARY", "BIT_PACKED", "RLE")}, True),
        ({"encodings": ("PLAIN_DICTIONARY", "BIT_PACKED")}, False),
        ({"encodings": ("PLAIN", "RLE", "DELTA_BYTE_ARRAY")}, False),
        ({"compression": "LZ4"}, False),
        ({"path": "list.s"}, False),
        ({"max_definition_level": 2}, False),
        ({"max_repetition_level": 1}, False),
    ],
)
def test_the_footer_decides_who_reads_a_column(monkeypatch, said, is_coded):
    monkeypatch.setattr(chunks, "is_dictionary", lambda _: True)
    chunk = {"compression": "SNAPPY", "encodings": ("PLAIN", "RLE", "RLE_DICTIONARY")}
    column = {"name": "s", "path": "s", "max_definition_level": 1, "max_repetition_level": 0}
    both = SimpleNamespace(**{**chunk, **column, **said})
    file = SimpleNamespace(dictionaries=("s", "list.s"))
    assert chunks._is_coded(both, both, file) == is_coded


class Remote:
    """A file on an object store, which counts requests."""

    def __init__(self, path):
        self._file, self.asked = pa.OSFile(str(path)), []

    def size(self):
        return self._file.size()

    def read_at(self, size, start):
        self.asked.append(range(start, start + size))
        return self._file.read_at(size, start)


@pytest.mark.parametrize(
    ("hole", "most", "requests"), [(1 << 20, 1 << 25, 1), (0, 1 << 25, 2), (1 << 20, 1, 2)]
)
def test_object_stores_get_few_requests(tmp_path, monkeypatch, hole, most, requests):
    monkeypatch.setattr(chunks, "_HOLE_BYTES", hole)
    monkeypatch.setattr(chunks, "_REQUEST_BYTES", most)
    rows = [f"{row % 1000}" for row in range(50_000)]
    table = pa.table({"a": rows, "n": list(range(50_000)), "b": rows[::-1]})
    path = write(tmp_path / "a.parquet", table, row_group_size=25_000)
    remote = Remote(path)
    with open_file(str(path), size=path.stat().st_size, dictionaries=["a", "b"]) as file:
        columns = coded_columns(replace(file, stream=remote, is_local=False), 1, ["a", "b"])
        assert columns["a"].read(25_000).to_pylist() == rows[25_000:]
        assert columns["b"].read(25_000).to_pylist() == rows[::-1][25_000:]
    assert len(remote.asked) == requests


def test_any_filesystem_of_pyarrow_will_do(direct, rows_of):
    root = Folder("mock://memory/coded")
    root.filesystem.create_dir(root.path)
    path = root.child("f.parquet").path
    pq.write_table(numbered(0, 300), path, filesystem=root.filesystem, row_group_size=100)
    assert rows_of(direct(root.uri)) == numbered(0, 300).to_pylist()


def rewritten(path, old, new):
    """The file with other bytes in its footer."""
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    assert content.count(old, start) == 1
    path.write_bytes(content[:start] + content[start:].replace(old, new))


@pytest.mark.parametrize("dictionary", [0, 8])
def test_the_place_of_the_dictionary_may_be_given_as_that_of_the_data(tmp_path, dictionary):
    """Some versions of parquet-mr do so (PARQUET-1402)."""
    path = write(
        tmp_path / "a.parquet", pa.table({"s": ["a", "b", None, "a"] * 50}), store_schema=False
    )
    chunk = pq.read_metadata(path).row_group(0).column(0)
    assert chunk.dictionary_page_offset == 4
    data = bytes([0x26, 2 * chunk.data_page_offset])
    rewritten(path, data + b"\x26\x08\x1c", b"\x26\x08" + bytes([0x26, dictionary, 0x1C]))
    is_as_pyarrow_reads(path)


def test_a_place_outside_the_file_is_refused(tmp_path, direct, rows_of):
    path = write(tmp_path / "a.parquet", numbered(0, 100), row_group_size=50)
    remote = Remote(path)
    remote.size = lambda: 500
    with opened(path) as file, pytest.raises(pa.ArrowInvalid, match="column 's' is said to be at"):
        coded_columns(replace(file, stream=remote, is_local=False), 1, ["s"])


def dictionary_page(stored, size):
    """A page of one text, as Thrift has its header; all numbers are below 64."""
    return (
        bytes([0x15, 4, 0x15, 2 * size, 0x15, 2 * len(stored), 0x4C, 0x15, 2, 0x15, 0, 0, 0])
        + stored
    )


@pytest.mark.parametrize("codec", ["SNAPPY", "GZIP", "ZSTD"])
def test_a_page_must_be_as_long_as_it_says(codec):
    text = b"\x05\0\0\0hello"
    stored = pa.Codec(codec.lower()).compress(text, asbytes=True)

    def page(size):
        content = dictionary_page(stored, size)
        place = range(len(content))
        (found,) = pages.read_pages(pa.BufferReader(content), place, codec=codec, nullable=False)
        return found

    assert bytes(page(9).content[:9]) == text
    for size in (8, 10):
        with pytest.raises((pa.ArrowInvalid, OSError)):
            page(size)


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_no_damage_of_any_byte_gives_codes_without_a_text(tmp_path, direct, compression):
    path = write(tmp_path / "a.parquet", numbered(0, 60), compression=compression)
    sound, source = path.read_bytes(), direct(tmp_path, columns=["s"])
    chunk = pq.read_metadata(path).row_group(0).column(1)
    start = chunk.dictionary_page_offset
    refused = 0
    for position in range(start, start + chunk.total_compressed_size):
        path.write_bytes(sound)
        flip_byte(path, position)
        try:
            columns = [batch.column("s") for batch in source.read(0)]
        except StorageError:
            refused += 1
        else:
            for column in columns:
                codes = column.indices.drop_null().to_pylist()
                assert all(0 <= code < len(column.dictionary) for code in codes)
    assert refused > 20


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_checksums_are_verified(tmp_path, direct, rows_of, version):
    options = {"write_page_checksum": True, "data_page_version": version}
    path = write(tmp_path / "a.parquet", numbered(0, 1000), **options)
    chunk = pq.read_metadata(path).row_group(0).column(1)
    flip_byte(path, chunk.dictionary_page_offset + chunk.total_compressed_size - 5)
    with pytest.raises(StorageError, match=r"a\.parquet cannot be read.*'s'.*checksum"):
        rows_of(direct(tmp_path, columns=["s"]))


WITHIN_BOUNDS = """
from contextlib import suppress
import numpy as np
import pyarrow as pa
from petafit.stream.page_header import parse_header
from petafit.stream.page_kernels import PADDING, read_codes, read_valid, split_texts

dice = np.random.default_rng(0)
sound = 0
for _ in range(20_000):
    size, rows = dice.integers(1, 60), dice.integers(1, 40)
    content = dice.choice([0, 1, 2, 3, 8, 9, 21, 255], size + PADDING).astype(np.uint8)
    edges = np.sort(dice.integers(0, size + 1, 4)).tolist()
    valid, codes = np.empty(rows, np.uint8), np.empty(rows, np.int32)
    n_values = read_valid(content, (edges[0], edges[1]), valid)
    if n_values >= 0:
        sound += read_codes(content, (edges[2], edges[3]), 9, valid, codes) >= 0
    offsets, out = np.empty(rows + 1, np.int32), np.empty(edges[3] + PADDING, np.uint8)
    sound += split_texts(content, (edges[0], edges[3]), offsets, out) >= 0
    with suppress(pa.ArrowInvalid):
        parse_header(memoryview(content.tobytes()))
print(sound)
"""


def test_no_page_leads_a_kernel_beyond_its_arrays(tmp_path):
    environment = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", WITHIN_BOUNDS],
        env={"PYTHONPATH": ":".join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 1000
