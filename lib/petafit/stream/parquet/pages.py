"""Sequential reading of a Parquet column chunk's pages, each decompressed to its declared size.

pyarrow's codecs do not return the number of bytes they have written; the rest of their buffer is
uninitialised. So the length is checked before or during decompression.

References
----------
RFC 8878, "Zstandard Compression", 3.1.1.1: the header of a frame. ``format_description.txt`` of
snappy.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa

from petafit.stream.parquet.header import (
    DATA,
    DATA_V2,
    DICTIONARY,
    RUNS,
    PageHeader,
    measure_page,
    parse_header,
)
from petafit.stream.parquet.kernels import PADDING, Part

_WINDOW_BYTES = 1 << 20
_HEADER_BYTES, _MOST_HEADER_BYTES = 1 << 8, 1 << 24
"""Headers hold the extreme values of their page, which may be long texts."""
_MOST_BYTES = 64 << 20
"""Minimal limit of a page's size, if the column's declared size is less."""


class Page(NamedTuple):
    """A page's decompressed content.

    Attributes
    ----------
    content : ndarray of uint8
        The bytes, with `PADDING`.
    levels : (int, int)
        Start and end of the definition levels: runs of 1 for a value and 0 for a null.
    values : (int, int)
        Start and end of the values.
    """

    header: PageHeader
    content: np.ndarray
    levels: Part
    values: Part


def read_pages(
    file: pa.NativeFile, place: range, *, codec: str, nullable: bool, plain_bytes: int
) -> Iterator[Page]:
    """Yield the pages of values in a part of a file, holding only a few of them in memory.

    Parameters
    ----------
    place : range
        Byte range in the file.
    codec : str
        One of `CODECS`.
    nullable : bool
        Values may be null.
    plain_bytes : int
        Total uncompressed size of the pages by the footer.

    Raises
    ------
    pyarrow.ArrowInvalid
        A page is damaged, or does not match its checksum.
    """
    window = _Window(file, place)
    while window.at < place.stop:
        header = window.header()
        if header.size > max(plain_bytes, _MOST_BYTES):
            raise pa.ArrowInvalid(f"a page of {header.size} bytes in a column of {plain_bytes}")
        stored = window.take(header.stored_size)
        if header.checksum is not None and header.checksum != crc32(stored):
            raise pa.ArrowInvalid("a page does not agree with its checksum")
        if header.kind in (DATA, DATA_V2, DICTIONARY):
            yield _page(header, stored, codec, nullable)


def check_count(file: pa.NativeFile, place: range, n_values: int) -> None:
    """Check by page headers alone that a column chunk has the declared number of values.

    pyarrow ignores excess values, or attributes them to the next row group.

    Raises
    ------
    pyarrow.ArrowInvalid
        The number differs.
    """
    at = place.start
    while n_values > 0 and at < place.stop:
        content = memoryview(file.read_at(min(_HEADER_BYTES, place.stop - at), at))
        size, of_page = measure_page(content) or _Window(file, range(at, place.stop)).measure()
        at += size
        n_values -= of_page
    if n_values != 0 or at > place.stop:
        raise pa.ArrowInvalid("pages of other values, or bytes, than the footer says")


class _Window:
    """A moving window on a part of a file."""

    def __init__(self, file: pa.NativeFile, place: range) -> None:
        self._file, self._stop = file, place.stop
        self._held, self._end = memoryview(b""), place.start

    @property
    def at(self) -> int:
        """Position of the window's start."""
        return self._end - len(self._held)

    def take(self, size: int) -> memoryview:
        """Return the next bytes and move past them."""
        self._hold(size)
        if len(self._held) < size:
            raise pa.ArrowInvalid(f"a page of {size} bytes, of which {len(self._held)} are there")
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def header(self) -> PageHeader:
        """Parse the next header and move past it."""
        size = _HEADER_BYTES
        self._hold(size)
        while (found := parse_header(self._held)) is None:
            if size >= min(_MOST_HEADER_BYTES, self._stop - self.at):
                raise pa.ArrowInvalid("a page header that does not end")
            size *= 16
            self._hold(size)
        header, length = found
        self._held = self._held[length:]
        return header

    def measure(self) -> tuple[int, int]:
        """Return the next page's size with its header, and its number of values if it has data."""
        start, header = self.at, self.header()
        n_values = header.n_values if header.kind in (DATA, DATA_V2) else 0
        return self.at - start + header.stored_size, n_values

    def _hold(self, size: int) -> None:
        """Read on until this number of bytes, or all remaining ones, are buffered."""
        missing = min(size - len(self._held), self._stop - self._end)
        if missing > 0:
            wanted = min(max(missing, _WINDOW_BYTES), self._stop - self._end)
            read = self._file.read_at(wanted, self._end)
            self._held = memoryview(bytes(self._held) + read if self._held else read)
            self._end += len(read)


def _page(header: PageHeader, stored: memoryview, codec: str, nullable: bool) -> Page:
    plain = header.level_bytes
    if header.list_bytes:
        raise pa.ArrowInvalid("a page of lists, in a column without any")
    if plain > len(stored):
        raise pa.ArrowInvalid(f"a page of {len(stored)} bytes, {plain} of them levels of nulls")
    content = np.empty(header.size + PADDING, np.uint8)
    content[:plain] = stored[:plain]
    values = content[plain : header.size]
    decompress_into(values, stored[plain:], codec if header.is_compressed else "UNCOMPRESSED")
    levels = (0, plain) if nullable else (0, 0)
    if header.kind == DATA and nullable:
        if header.level_encoding != RUNS:
            raise pa.ArrowInvalid(f"definition levels have the encoding {header.level_encoding}")
        if header.size < 4:
            raise pa.ArrowInvalid(f"a page of {header.size} bytes, too few for its levels")
        levels = (4, 4 + int(content[:4].view(np.uint32)[0]))
    if header.kind == DATA_V2 and nullable and header.n_values and not plain:
        raise pa.ArrowInvalid("a page without definition levels")
    return Page(header, content, levels, (max(levels[1], plain), header.size))


CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"}
"""Supported compression codecs."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""Window bits that accept either header."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def decompress_into(out: np.ndarray, stored: memoryview, codec: str) -> None:
    """Decompress bytes into an array.

    Parameters
    ----------
    out : ndarray of uint8
    codec : str
        One of `CODECS`.

    Raises
    ------
    pyarrow.ArrowInvalid, OSError
        The bytes are damaged, or have another length when decompressed.
    """
    content: bytes | memoryview = stored
    if codec == "GZIP" and stored:
        content = _inflated(stored, out.size)
    elif codec == "SNAPPY" and stored:
        _demand(_snappy_size(stored), out.size)
        content = pa.Codec("snappy").decompress(stored, out.size)
    elif codec == "ZSTD" and stored:
        size = _zstd_size(stored)
        if size is None:
            with pa.CompressedInputStream(pa.BufferReader(stored), "zstd") as stream:
                content = stream.read(out.size + 1)
        else:
            _demand(size, out.size)
            content = pa.Codec("zstd").decompress(stored, out.size)
    _demand(len(content), out.size)
    out[:] = memoryview(content)


def _demand(size: int, wanted: int) -> None:
    if size != wanted:
        raise pa.ArrowInvalid(f"a page of {size} bytes instead of {wanted}")


def _inflated(stored: memoryview, size: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        content = inflater.decompress(stored, size + 1)
    except zlib.error as error:
        raise pa.ArrowInvalid(f"a page that is damaged: {error}") from error
    if not inflater.eof:
        raise pa.ArrowInvalid(f"a page of other than {size} bytes")
    return content


def _snappy_size(stored: memoryview) -> int:
    """Read the uncompressed size from a snappy block: seven bits a byte, the lowest first."""
    size = shift = 0
    for byte in stored[:5]:
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return size


def _zstd_size(stored: memoryview) -> int | None:
    """Read the uncompressed size from a zstd frame; None if it is not recorded."""
    if stored[:4] != _ZSTD_MAGIC or len(stored) < 6:
        return None
    flags = stored[4]
    is_single = bool(flags & 32)
    width = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    start = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3]
    if not width or len(stored) < start + width:
        return None
    size = int.from_bytes(stored[start : start + width], "little")
    return size + 256 if width == 2 else size
