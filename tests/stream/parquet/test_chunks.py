"""Selection of the columns that are decoded from their pages: their places, and the requests."""

from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.errors import StorageError
from petafit.stream.parquet import chunks
from petafit.stream.parquet.chunks import coded_columns
from petafit.table.parquet.snapshot import open_file
from tests.fuzz import thrift
from tests.fuzz.damage import replaced, with_footer
from tests.fuzz.sound import chunks as columns_of
from tests.fuzz.sound import taken_apart
from tests.stream.columns import by_pyarrow, opened, read
from tests.stream.files import write


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
    assert chunks._is_coded(both, both) == is_coded


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
    ("between", "long", "requests"),
    [(1, 1, 1), (3 << 20, 1, 2), (1, 17 << 20, 2)],
    ids=["near", "far apart", "large"],
)
def test_object_stores_get_few_requests(tmp_path, between, long, requests):
    rows, count = [str(row) for row in range(99)] + ["x" * long], 200
    table = pa.table({"a": rows * 2, "n": ["y" * (between // count)] * count, "b": rows[::-1] * 2})
    path = write(
        tmp_path / "a.parquet",
        table,
        row_group_size=count // 2,
        use_dictionary=["a", "b"],
        dictionary_pagesize_limit=1 << 25,
        compression="none",
    )
    remote = Remote(path)
    with open_file(str(path), size=path.stat().st_size, dictionaries=["a", "b"]) as file:
        columns = coded_columns(replace(file, stream=remote, is_local=False), 1, ["a", "b"])
        assert columns["a"].read(count // 2).to_pylist() == rows
        assert columns["b"].read(count // 2).to_pylist() == rows[::-1]
    assert len(remote.asked) == requests


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
    assert read(path) == by_pyarrow(path)


@pytest.mark.parametrize(("version", "is_odd"), [(b"1.5.1", True), (b"2.0.0", False)])
def test_old_arrow_called_its_pages_not_compressed(tmp_path, direct, rows_of, version, is_odd):
    rows = pa.table({"s": [f"{row % 3}" for row in range(5000)]})
    path = write(tmp_path / "a.parquet", rows, data_page_version="2.0")
    file = taken_apart("a", path.read_bytes(), rows.schema)
    page = file.pages[-1]
    thrift.find(page.header, 8, 7).kind = thrift.FALSE
    content = file.raw[page.content_start : page.stop]
    thrift.find(file.footer, 6).content = b"parquet-cpp version " + version
    path.write_bytes(replaced(file, page, thrift.dump(page.header) + content))
    if is_odd:
        assert rows_of(direct(tmp_path)) == rows.to_pylist()
    else:
        with pytest.raises(StorageError, match="bytes instead of"):
            rows_of(direct(tmp_path))


def test_old_parquet_mr_left_the_dictionarys_header_out_of_sizes(tmp_path, direct, rows_of):
    rows = pa.table({"s": [f"{row % 3}" for row in range(5000)]})
    path = write(tmp_path / "a.parquet", rows)
    file = taken_apart("a", path.read_bytes(), rows.schema)
    (chunk,) = columns_of(file.footer)
    thrift.find(chunk, 7).content -= file.pages[0].content_start - file.pages[0].start
    for writer, is_read in [(b"1.2.8 (build a)", True), (b"1.12.3 (build a)", False)]:
        thrift.find(file.footer, 6).content = b"parquet-mr version " + writer
        path.write_bytes(with_footer(file.raw[: file.footer_start], file.footer))
        if is_read:
            assert rows_of(direct(tmp_path)) == rows.to_pylist()
        else:
            with pytest.raises(StorageError, match="a page of"):
                rows_of(direct(tmp_path))
