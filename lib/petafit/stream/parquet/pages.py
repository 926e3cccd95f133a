"""The pages of a Parquet column chunk, one after the other."""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa

from petafit.stream.parquet.codecs import decompress_into
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
"""What a page may be even if its column is said to be less."""


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
    file: pa.NativeFile, place: range, *, codec: str, nullable: bool, plain_bytes: int
) -> Iterator[Page]:
    """The pages of values that a part of a file holds; only a few of them are in memory.

    Parameters
    ----------
    place : range
        Of the file's bytes.
    codec : str
        One of `CODECS`.
    nullable : bool
        Whether values may be null.
    plain_bytes : int
        What all pages are said to take, decompressed.

    Raises
    ------
    pyarrow.ArrowInvalid
        A page is damaged, or not what its checksum was computed of.
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
    """Look at the headers of pages only: whether they make up a column's values.

    pyarrow passes over values that are too many, or takes them for those of the next row group.

    Raises
    ------
    pyarrow.ArrowInvalid
        They do not.
    """
    at = place.start
    while n_values > 0:
        content = memoryview(file.read_at(min(_HEADER_BYTES, place.stop - at), at))
        size, of_page = measure_page(content) or _Window(file, range(at, place.stop)).measure()
        at += size
        n_values -= of_page
    if n_values < 0 or at > place.stop:
        raise pa.ArrowInvalid("pages of more values, or bytes, than there are")


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

    def measure(self) -> tuple[int, int]:
        """The bytes of the next page with its header, and the values if it is a data page."""
        start, header = self.at, self.header()
        n_values = header.n_values if header.kind in (DATA, DATA_V2) else 0
        return self.at - start + header.stored_size, n_values

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
            raise pa.ArrowInvalid(f"nulls are told in the encoding {header.level_encoding}")
        if header.size < 4:
            raise pa.ArrowInvalid(f"a page of {header.size} bytes, too few to tell its nulls")
        levels = (4, 4 + int(content[:4].view(np.uint32)[0]))
    if header.kind == DATA_V2 and nullable and header.n_values and not plain:
        raise pa.ArrowInvalid("a page that does not tell its nulls")
    return Page(header, content, levels, (max(levels[1], plain), header.size))
