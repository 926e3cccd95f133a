"""Damaged pages: refused, or read as something that is in the dictionary."""

import subprocess
import sys
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.errors import StorageError
from petafit.stream.parquet import pages
from petafit.stream.parquet.dictionary_column import CodedColumn
from petafit.stream.parquet.header import DATA, DATA_V2, DICTIONARY
from tests.fuzz import thrift
from tests.stream.files import flip_byte, numbered, write


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
        (found,) = pages.read_pages(
            pa.BufferReader(content), place, codec=codec, nullable=False, plain_bytes=100
        )
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
import pyarrow.parquet as pq
from petafit.errors import StorageError
from petafit.stream.parquet.header import parse_header
from petafit.stream.parquet.kernels import PADDING, read_codes, read_valid, split_texts
from petafit.table.parquet.footer import read_footer

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

out = pa.BufferOutputStream()
pq.write_table(pa.table({"a": [[1], []], "b": [{"c": "x"}, None], "d": [1.5, None]}), out)
whole = np.frombuffer(out.getvalue(), np.uint8)
length = int.from_bytes(whole[-8:-4].tobytes(), "little")
for _ in range(3_000):
    content = whole.copy()
    places = dice.integers(whole.size - 8 - length, whole.size - 8, 2)
    content[places] = dice.choice([0, 1, 2, 21, 127, 128, 255], 2)
    with suppress(pa.ArrowException, OSError, StorageError):
        read_footer(pa.BufferReader(content.tobytes()), "a")
        sound += 1
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
    assert int(ended.stdout) > 500


LOOPING = bytes.fromhex("08 02 f4 ff ff ff ff ff ff ff ff 01")
"""A field of −12 bytes: whoever passes over it stands where it began."""


def test_a_header_only_leads_forward():
    with pytest.raises(pa.ArrowInvalid, match="no page header"):
        list(read_all(LOOPING))


def read_all(content, codec="UNCOMPRESSED", *, nullable=False, plain_bytes=100):
    place = range(len(content))
    file = pa.BufferReader(content)
    return pages.read_pages(file, place, codec=codec, nullable=nullable, plain_bytes=plain_bytes)


def header(kind, size, stored_size, *details):
    """The header of a page; details are the numbers of the struct that its kind has."""
    step = {DATA: 5, DICTIONARY: 7, DATA_V2: 8}[kind]
    integer = partial(thrift.Value, thrift.I32)
    fields = [(number, integer(detail)) for number, detail in enumerate(details, 1)]
    common = [(1, integer(kind)), (2, integer(size)), (3, integer(stored_size))]
    struct = [*common, (step, thrift.Value(thrift.STRUCT, fields))]
    return thrift.dump(thrift.Value(thrift.STRUCT, struct))


def page(kind, content, *details):
    return header(kind, len(content), len(content), *details) + content


KNOWN = page(DICTIONARY, b"\x01\0\0\0a\x01\0\0\0b", 2, 0)


def codes(content, rows=3, encoding=8):
    return page(DATA, content, rows, encoding, 3, 3)


def rows_of_pages(content, rows=3, *, nullable=False):
    return CodedColumn(read_all(content, nullable=nullable), rows).read(rows).to_pylist()


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (KNOWN + codes(b"\x01\x06\x01"), "bbb"),
        (KNOWN + codes(b"\x01\x06\x01", encoding=2), "bbb"),
        (KNOWN + codes(b"\0\x06"), "aaa"),  # of one value, parquet-mr needs no bits
        (KNOWN + codes(b"\0\x03"), "aaa"),
        (KNOWN + codes(b"\x01\x03\x05"), "bab"),
        (KNOWN + codes(b"\x01\x02\x01\x04\0"), "baa"),
        (KNOWN + codes(b"\x20\x06\x01\0\0\0"), "bbb"),
        (KNOWN + codes(b"\x01\x02\x01", 1) + codes(b"\x01\x04\0", 2), "baa"),
        (KNOWN + codes(b"", 0) + codes(b"\x01\x06\x01"), "bbb"),
        (KNOWN + page(DATA_V2, b"\x01\x06\x01", 3, 0, 3, 8, 0, 0), "bbb"),
    ],
)
def test_sound_pages_are_read(content, rows):
    assert rows_of_pages(content) == list(rows)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (KNOWN + codes(b"\0"), "no bits, and no run"),
        (KNOWN + codes(b"\0\x04"), "no bits, and a run that is too short"),
        (KNOWN + codes(b"\x02\x06\x02"), "beyond the dictionary"),
        (KNOWN + codes(b"\x01\x06\x02"), "beyond the dictionary, unless more bits are ignored"),
        (KNOWN + codes(b"\x20\x06\xff\xff\xff\xff"), "a negative code"),
        (KNOWN + codes(b"\x21\x06\x01\0\0\0\0"), "33 bits"),
        (KNOWN + codes(b""), "nothing"),
        (KNOWN + codes(b"\x01\0\x01"), "a run of none"),
        (KNOWN + codes(b"\x01\x05\x05"), "16 codes in one byte"),
        (KNOWN + codes(b"\x01\x86\x80\x80\x80\x10\x01"), "a run of 2^31"),
        (KNOWN + codes(b"\x01\x86\x80\x80\x80\x80\0\x01"), "a run whose length takes six bytes"),
        (KNOWN + codes(b"\x01\x08\x01", 4), "more rows than there are"),
        (KNOWN + codes(b"\x01\x04\x01", 2) + codes(b"\x01\x04\0", 2), "more rows in the end"),
        (KNOWN + codes(b"\x01\x04\x01", 2), "fewer rows"),
        (KNOWN + KNOWN + codes(b"\x01\x06\x01"), "two dictionaries"),
        (codes(b"\x01\x06\x01"), "no dictionary"),
        (codes(b"", 0) + KNOWN + codes(b"\x01\x06\x01"), "a dictionary that comes late"),
        (page(DICTIONARY, KNOWN[-10:], 2, 8) + codes(b"\x01\x06\x01"), "a dictionary of codes"),
        (page(DICTIONARY, KNOWN[-10:], 3, 0) + codes(b"\x01\x06\x01"), "fewer texts"),
        (KNOWN + codes(b"\x01\x06\x01", encoding=6), "another encoding"),
        (KNOWN + page(DATA_V2, b"\0\x01\x06\x01", 3, 0, 3, 8, 0, 1), "lists"),
        (KNOWN + page(DATA_V2, b"\x01\x06\x01", 3, -1, 3, 8, 0, 0), "-1 nulls"),
        (KNOWN + page(DATA_V2, b"\x01\x06\x01", 3, 0, 3, 8, 9, 0), "levels beyond the page"),
        (KNOWN + page(DATA, b"\x01\x06\x01", -3, 8, 3, 3), "-3 rows"),
        (KNOWN + page(DATA, b"\x01\x06\x01", 3, 8, 3), "a field is missing"),
        (KNOWN + header(DATA, 3, -3, 3, 8, 3, 3), "-3 bytes"),
        (KNOWN + header(DATA, 4, 3, 3, 8, 3, 3) + b"\x01\x06\x01", "another size"),
        (KNOWN + header(DATA, 3, 1 << 30, 3, 8, 3, 3), "bytes beyond the column"),
        (KNOWN + header(DATA, (1 << 31) - 1, 3, 3, 8, 3, 3) + b"\x01\x06\x01", "2 GB of 3 bytes"),
    ],
)
def test_pages_that_pyarrow_refuses_are_refused(content, why):
    with pytest.raises(pa.ArrowInvalid):
        rows_of_pages(content)


def nullable(levels, values=b"\x01\x06\x01"):
    return KNOWN + codes(len(levels).to_bytes(4, "little") + levels + values)


@pytest.mark.parametrize(
    "content",
    [
        nullable(b""),
        nullable(b"\x04\x01"),
        nullable(b"\x06\x02"),
        nullable(b"\x06\x01")[:-6],
        KNOWN + codes(b"\xff\xff\xff\xff\x06\x01\x01\x06\x01"),
        KNOWN + codes(b"\x02\0\0\0\x06\0\x21"),
        KNOWN + page(DATA_V2, b"\x01\x06\x01", 3, 0, 3, 8, 0, 0),
        KNOWN + page(DATA, b"\x02\0\0\0\x06\x01\x01\x06\x01", 3, 8, 4, 3),
    ],
)
def test_nulls_need_definition_levels(content):
    assert rows_of_pages(nullable(b"\x06\x01"), nullable=True) == list("bbb")
    assert rows_of_pages(nullable(b"\x03\x05"), nullable=True) == ["b", None, "b"]
    with pytest.raises(pa.ArrowInvalid):
        rows_of_pages(content, nullable=True)


def test_a_few_bytes_do_not_claim_all_memory():
    rows = (1 << 31) - 1
    content = KNOWN + page(DATA, b"\x01\xfe\xff\xff\xff\x0f\x01", rows, 8, 3, 3)
    column = CodedColumn(read_all(content), rows)
    with pytest.raises(pa.ArrowInvalid, match="a page of more than"):
        column.read(10)


@pytest.mark.parametrize("codec", ["GZIP", "ZSTD"])
def test_streams_that_do_not_tell_their_length_are_measured(codec):
    """As some writers of Parquet make them; a shorter one would leave what the memory held."""
    text, out = b"\x05\0\0\0hello", pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, codec.lower()) as stream:
        stream.write(text)
    stored = out.getvalue().to_pybytes()
    for size in (8, 9, 10):
        content = header(DICTIONARY, size, len(stored), 1, 0) + stored
        if size == len(text):
            (found,) = read_all(content, codec)
            assert bytes(found.content[:size]) == text
        else:
            with pytest.raises(pa.ArrowInvalid, match="bytes"):
                list(read_all(content, codec))


@pytest.mark.parametrize("codec", ["SNAPPY", "GZIP", "ZSTD"])
def test_what_is_compressed_of_nothing_must_be_sound_too(codec):
    stored = pa.Codec(codec.lower()).compress(b"", asbytes=True)
    content = header(DATA, 0, len(stored), 0, 8, 3, 3)
    assert len(list(read_all(content + stored, codec))) == 1
    with pytest.raises((pa.ArrowInvalid, OSError)):
        list(read_all(content + bytes(byte ^ 0xFF for byte in stored), codec))
