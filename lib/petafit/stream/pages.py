"""The pages of a Parquet column chunk, one after the other."""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa

from petafit.stream.page_header import DATA, DATA_V2, DICTIONARY, RUNS, PageHeader, parse_header
from petafit.stream.page_kernels import PADDING, Part

CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"}
"""How pages may be compressed."""

_WINDOW_BYTES = 1 << 20
_HEADER_BYTES, _MOST_HEADER_BYTES = 1 << 8, 1 << 24
"""Headers hold the extreme values of their page, which may be long texts."""


class Page(NamedTuple):
    """What a page holds, decompressed.

    Attributes
    ----------
    content : ndarray of uint8
        With `PADDING`.
    levels : (int, int)
        From where to where in it 1 or 0 is stored, in runs, for a value or a null.
    values : (int, int)
        From where to where the values are.
    """

    header: PageHeader
    content: np.ndarray
    levels: Part
    values: Part


def read_pages(file: pa.NativeFile, place: range, *, codec: str, nullable: bool) -> Iterator[Page]:
    """The pages of values that a part of a file holds; only a few of them are in memory.

    Parameters
    ----------
    place : range
        Of the file's bytes.
    codec : str
        One of `CODECS`.
    nullable : bool
        Whether values may be null.

    Raises
    ------
    pyarrow.ArrowInvalid
        A page is damaged, or not what its checksum was computed of.
    """
    window = _Window(file, place)
    while window.at < place.stop:
        header = window.header()
        stored = window.take(header.stored_size)
        if header.checksum is not None and header.checksum != crc32(stored):
            raise pa.ArrowInvalid("a page does not agree with its checksum")
        if header.kind in (DATA, DATA_V2, DICTIONARY):
            yield _page(header, stored, codec, nullable)


class _Window:
    """Moves over a part of a file, and holds some of it."""

    def __init__(self, file: pa.NativeFile, place: range) -> None:
        self._file, self._stop = file, place.stop
        self._held, self._end = memoryview(b""), place.start

    @property
    def at(self) -> int:
        """Where it begins."""
        return self._end - len(self._held)

    def take(self, size: int) -> memoryview:
        """The next bytes; the window moves on behind them."""
        self._hold(size)
        if len(self._held) < size:
            raise pa.ArrowInvalid(f"a page of {size} bytes, of which {len(self._held)} are there")
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def header(self) -> PageHeader:
        """The header that comes next; the window moves on behind it."""
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

    def _hold(self, size: int) -> None:
        """Read on until so many bytes are held, or all that there are."""
        missing = min(size - len(self._held), self._stop - self._end)
        if missing > 0:
            wanted = min(max(missing, _WINDOW_BYTES), self._stop - self._end)
            read = self._file.read_at(wanted, self._end)
            self._held = memoryview(bytes(self._held) + read if self._held else read)
            self._end += len(read)


def _page(header: PageHeader, stored: memoryview, codec: str, nullable: bool) -> Page:
    plain = header.level_bytes
    if plain > len(stored):
        raise pa.ArrowInvalid(f"a page of {len(stored)} bytes, {plain} of them levels of nulls")
    content = np.empty(header.size + PADDING, np.uint8)
    content[:plain] = stored[:plain]
    size = header.size - plain
    values = stored[plain:]
    if codec != "UNCOMPRESSED" and header.is_compressed:
        values = _decompressed(values, size, codec)
    if len(values) != size:
        raise pa.ArrowInvalid(f"a page of {plain + len(values)} bytes instead of {header.size}")
    content[plain : header.size] = values
    levels = (0, plain)
    if header.kind == DATA and nullable:
        if header.level_encoding != RUNS:
            raise pa.ArrowInvalid(f"nulls are told in the encoding {header.level_encoding}")
        if header.size < 4:
            raise pa.ArrowInvalid(f"a page of {header.size} bytes, too few to tell its nulls")
        levels = (4, 4 + int(content[:4].view(np.uint32)[0]))
    return Page(header, content, levels, (levels[1], header.size))


def _decompressed(stored: memoryview, size: int, codec: str) -> memoryview:
    """As many bytes as there should be; of more or fewer, pyarrow would not tell."""
    if size == 0:  # of nothing, some writers make a byte
        return stored[:0]
    told = size
    if codec == "SNAPPY":
        told = _snappy_size(stored)
    elif codec == "GZIP":
        told = int.from_bytes(stored[-4:], "little")
    if told != size:
        raise pa.ArrowInvalid(f"a page of {told} bytes instead of {size}")
    return memoryview(pa.Codec(codec.lower()).decompress(stored, size))


def _snappy_size(stored: memoryview) -> int:
    """How many bytes snappy says it has compressed: seven bits a byte, the lowest first."""
    size = shift = 0
    for byte in stored[:5]:
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return size
