"""The header of a Parquet page: a struct in Thrift's compact protocol.

References
----------
``parquet.thrift`` of the Parquet format, and ``thrift-compact-protocol.md`` of Apache Thrift.
"""

from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from petafit.compiled import njit
from petafit.stream.page_kernels import DAMAGED

DATA, DICTIONARY, DATA_V2 = 0, 2, 3
"""The kinds of pages that hold values."""

PLAIN = 0
CODES = (2, 8)
RUNS = 3
"""Encodings: values as they are, codes into the dictionary (two names of one), and levels."""

_UNFINISHED = 0
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, 7, 8, 12
_INTEGERS = (4, 5, 6)
_ABSENT = -(1 << 63)
_MOST_FIELDS, _MOST_DEPTH = 16, 8
_MOST_BYTES = 1 << 31
_DETAILS = {DATA: 5, DICTIONARY: 7, DATA_V2: 8}
"""The field with what only pages of a kind have."""


class PageHeader(NamedTuple):
    """What precedes a page of values.

    Attributes
    ----------
    kind : int
        `DATA`, `DICTIONARY`, `DATA_V2`, or one of those without values.
    size, stored_size : int
        Bytes of the page, and those it takes in the file.
    checksum : int or None
        CRC-32 of the page as it is in the file.
    n_values : int
        Nulls included.
    encoding : int
        Of the values.
    level_encoding : int
        Of the levels that tell nulls.
    level_bytes : int
        How many bytes of levels stand before the values; only in `DATA_V2`.
    is_compressed : bool
        Where the column has a codec at all.
    """

    kind: int
    size: int
    stored_size: int
    checksum: int | None
    n_values: int
    encoding: int
    level_encoding: int = RUNS
    level_bytes: int = 0
    is_compressed: bool = True

    @classmethod
    def of(cls, fields: np.ndarray) -> Self:
        """From what `_read_struct` found.

        Raises
        ------
        pyarrow.ArrowInvalid
            Something is missing, or cannot be.
        """
        kind, size, stored_size, checksum = fields[0, 1:5].tolist()
        page = fields[_DETAILS.get(kind, 0)].tolist()
        common = (kind, size, stored_size, None if checksum == _ABSENT else checksum & 0xFFFFFFFF)
        if kind == DATA:
            header = cls(*common, page[1], page[2], level_encoding=page[3])
        elif kind == DATA_V2:
            is_compressed = page[7] != 0
            header = cls(*common, page[1], page[4], RUNS, page[5], is_compressed)
        elif kind == DICTIONARY:
            header = cls(*common, page[1], page[2])
        else:
            header = cls(*common, 0, PLAIN)
        least = min(kind, stored_size, header.n_values, header.level_bytes)
        if least < 0 or not header.level_bytes <= size < _MOST_BYTES:
            raise pa.ArrowInvalid(f"a page header that cannot be: {header}")
        return header


def parse_header(content: memoryview) -> tuple[PageHeader, int] | None:
    """The header that some bytes begin with, and how many bytes it takes; None if it goes on.

    Raises
    ------
    pyarrow.ArrowInvalid
        It is none.
    """
    fields = np.full((_MOST_FIELDS, _MOST_FIELDS), _ABSENT, np.int64)
    length = _read_struct(np.frombuffer(content, np.uint8), fields)
    if length == DAMAGED:
        raise pa.ArrowInvalid("no page header")
    return None if length == _UNFINISHED else (PageHeader.of(fields), length)


@njit
def _read_struct(content: np.ndarray, fields: np.ndarray) -> int:
    """Read the numbers of a struct, and of the structs in it; pass over all else.

    Parameters
    ----------
    content : ndarray of uint8
    fields : ndarray of int64
        Takes the number of field f at [0, f], that of field f in field g at [g, f].

    Returns
    -------
    int
        How many bytes it takes; `_UNFINISHED` if they end before, `DAMAGED` if it is no struct.
    """
    numbers = np.zeros(_MOST_DEPTH + 1, np.int64)
    at, depth, inside = 0, 0, 0
    while at < content.size:
        step, kind = content[at] >> 4, content[at] & 15
        at += 1
        if kind == 0:
            depth -= 1
            if depth < 0:
                return at
            continue
        if step:
            numbers[depth] += step
        else:
            at, numbers[depth] = _read_integer(content, at)
        number = numbers[depth]
        value = _ABSENT
        if kind == _STRUCT:
            inside = number if depth == 0 else inside
            depth += 1
            numbers[depth] = 0
        elif kind in _INTEGERS:
            at, value = _read_integer(content, at)
        elif kind in (_TRUE, _FALSE):
            value = 1 if kind == _TRUE else 0
        elif kind == _BINARY:
            at, length = _read_varint(content, at)
            at += length
        elif kind in (_BYTE, _DOUBLE):
            at += 1 if kind == _BYTE else 8
        else:
            return DAMAGED
        if number <= 0 or depth == _MOST_DEPTH or at < 0:
            return DAMAGED
        if depth < 2 and kind != _STRUCT and max(number, inside) < _MOST_FIELDS:
            fields[inside if depth else 0, number] = value
    return _UNFINISHED


@njit
def _read_varint(content: np.ndarray, at: int) -> tuple[int, int]:
    """Where it ends, and its value; bytes that are not there count as 0."""
    value, shift, more = 0, 0, True
    while more and at < content.size and shift < 64:
        value |= (content[at] & 127) << shift
        more = content[at] >= 128
        shift += 7
        at += 1
    return at, value


@njit
def _read_integer(content: np.ndarray, at: int) -> tuple[int, int]:
    """Like `_read_varint`; positive and negative numbers take turns: 0, -1, 1, -2, ..."""
    at, zigzag = _read_varint(content, at)
    return at, (zigzag >> 1) ^ -(zigzag & 1)
