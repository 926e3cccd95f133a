"""The pages of a Parquet column chunk, one after the other."""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa

from petafit.stream.page_header import (
    DATA,
    DATA_V2,
    DICTIONARY,
    RUNS,
    UNFINISHED,
    PageHeader,
    parse_header,
)
from petafit.stream.page_kernels import PADDING, Part

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


def read_pages(
    file: pa.NativeFile, start: int, stop: int, *, codec: pa.Codec | None, nullable: bool
) -> Iterator[Page]:
    """The pages of values that a part of a file holds; only a few of them are in memory.

    Parameters
    ----------
    start, stop : int
        Bytes of the file.
    codec : pyarrow.Codec, optional
        How pages are compressed.
    nullable : bool
        Whether values may be null.

    Raises
    ------
    pyarrow.ArrowInvalid
        A page is damaged, or not what its checksum was computed of.
    """
    window = _Window(file, start, stop)
    while window.at < stop:
        header = window.header()
        stored = window.take(header.stored_size)
        if header.checksum not in (None, crc32(stored)):
            raise pa.ArrowInvalid("a page does not agree with its checksum")
        if header.kind in (DATA, DATA_V2, DICTIONARY):
            yield _page(header, stored, codec, nullable)


class _Window:
    """Moves over a part of a file, and holds some of it."""

    def __init__(self, file: pa.NativeFile, start: int, stop: int) -> None:
        self._file, self._stop = file, stop
        self._held, self._begin = memoryview(b""), start
        self.at = start

    def take(self, size: int) -> memoryview:
        """The next bytes; the window moves on behind them."""
        ahead = self._ahead(size)
        if len(ahead) < size:
            raise pa.ArrowInvalid(f"a page of {size} bytes, of which {len(ahead)} are there")
        self.at += size
        return ahead[:size]

    def header(self) -> PageHeader:
        """The header that comes next; the window moves on behind it."""
        size = _HEADER_BYTES
        header, length = parse_header(self._ahead(size))
        while length == UNFINISHED and size < min(_MOST_HEADER_BYTES, self._stop - self.at):
            size *= 16
            header, length = parse_header(self._ahead(size))
        if header is None:
            raise pa.ArrowInvalid("a page header that is damaged")
        self.at += length
        return header

    def _ahead(self, size: int) -> memoryview:
        """What comes next: so many bytes or more, fewer only at the end."""
        offset = self.at - self._begin
        if len(self._held) - offset < min(size, self._stop - self.at):
            wanted = min(max(size, _WINDOW_BYTES), self._stop - self.at)
            self._held = memoryview(self._file.read_at(wanted, self.at))
            self._begin, offset = self.at, 0
        return self._held[offset:]


def _page(header: PageHeader, stored: memoryview, codec: pa.Codec | None, nullable: bool) -> Page:
    plain = header.level_bytes
    if plain > len(stored):
        raise pa.ArrowInvalid(f"a page of {len(stored)} bytes, {plain} of them levels of nulls")
    content = np.empty(header.size + PADDING, np.uint8)
    content[:plain] = stored[:plain]
    values: memoryview | pa.Buffer = stored[plain:]
    size = header.size - plain
    if codec and header.is_compressed:  # of nothing, some writers make a byte
        values = codec.decompress(values, size) if size else values[:0]
    if len(values) != size:
        raise pa.ArrowInvalid(f"a page of {plain + len(values)} bytes instead of {header.size}")
    content[plain : header.size] = np.frombuffer(values, np.uint8)
    levels = (0, plain)
    if header.kind == DATA and nullable:
        if header.level_encoding != RUNS or header.size < 4:
            raise pa.ArrowInvalid(f"nulls are told in the encoding {header.level_encoding}")
        levels = (4, 4 + int(content[:4].view(np.uint32)[0]))
    return Page(header, content, levels, (levels[1], header.size))
