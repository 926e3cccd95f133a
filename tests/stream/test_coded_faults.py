"""Damaged pages: refused, or read as something that is in the dictionary."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.errors import StorageError
from petafit.stream import pages
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
from petafit.stream.page_header import parse_header
from petafit.stream.page_kernels import PADDING, read_codes, read_valid, split_texts
from petafit.table.footer import read_footer

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
