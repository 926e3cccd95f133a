"""The pages of a Parquet column chunk, one after the other."""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa

from petafit.stream.page_header import DATA, DATA_V2, DICTIONARY, PageHeader, parse_header
from petafit.stream.page_kernels import PADDING

_RUNS = 3
"""The encoding of levels; the other one went out of use before there was Parquet 2."""

_WINDOW_BYTES = 1 << 20
_MOST_HEADER_BYTES = 16 << 20
"""Headers hold the extreme values of their page, which may be long texts."""


class Page(NamedTuple):
    """What a page holds, decompressed.

    Attributes
    ----------
    content : ndarray of uint8
        With `PADDING` bytes behind `stop`.
    levels : slice of int
        Where in it 1 or 0 is stored, in runs, for a value or a null; empty in a dictionary, and in
        a column without nulls.
    start, stop : int
        Where the values are.
    """

    header: PageHeader
    content: np.ndarray
    levels: range
    start: int
    stop: int


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
        if header.checksum is not None and crc32(stored) != header.checksum & 0xFFFFFFFF:
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
        bytes_ = self._ahead(size)
        if size < 0 or len(bytes_) < size:
            raise pa.ArrowInvalid(f"a page of {size} bytes, of which {len(bytes_)} are there")
        self.at += size
        return bytes_[:size]

    def header(self) -> PageHeader:
        """The header that comes next; the window moves on behind it."""
        size = 256
        while True:
            try:
                header, length = parse_header(self._ahead(size))
            except IndexError as error:
                if size >= min(_MOST_HEADER_BYTES, self._stop - self.at):
                    raise pa.ArrowInvalid("a page header that does not end") from error
                size *= 16
            except (KeyError, TypeError, ValueError) as error:
                raise pa.ArrowInvalid(f"no page header: {error!r}") from error
            else:
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
    plain = header.level_bytes if header.kind == DATA_V2 else 0
    if min(header.count, header.size, plain) < 0 or plain > min(header.size, len(stored)):
        raise pa.ArrowInvalid(f"a page that cannot be: {header}")
    content = np.empty(header.size + PADDING, np.uint8)
    content[:plain] = stored[:plain]
    values: memoryview | pa.Buffer = stored[plain:]
    if codec and header.is_compressed and header.size > plain:
        values = codec.decompress(values, header.size - plain)
    if len(values) != header.size - plain:
        raise pa.ArrowInvalid(f"a page of {plain + len(values)} bytes instead of {header.size}")
    content[plain : header.size] = np.frombuffer(values, np.uint8)
    levels = range(plain)
    if header.kind == DATA and nullable:
        if header.level_encoding != _RUNS or header.size < 4:
            raise pa.ArrowInvalid(f"levels of nulls in the encoding {header.level_encoding}")
        levels = range(4, 4 + int(content[:4].view(np.uint32)[0]))
    return Page(header, content, levels, levels.stop, header.size)
