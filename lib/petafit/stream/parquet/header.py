"""Page headers of Parquet.

References
----------
``parquet.thrift`` of the Parquet format: ``PageHeader``.
"""

from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from petafit.compiled import njit
from petafit.table.parquet.compact_protocol import (
    ABSENT,
    BOOL,
    DAMAGED,
    I32,
    STRUCT,
    UNFINISHED,
    Field,
    layout_of,
    read_struct,
)

DATA, DICTIONARY, DATA_V2 = 0, 2, 3
"""The kinds of pages that hold values."""

PLAIN = 0
CODES = (2, 8)
RUNS = 3
"""Encodings: plain values, dictionary indices (two names of one), and levels."""

DICTIONARY_ENCODINGS = (0, 2)
"""Two names of the encoding of a dictionary's values: plain."""

_LAYOUT = layout_of(
    {
        "page": {
            1: Field(I32, "kind", required=True),
            2: Field(I32, "size", required=True),
            3: Field(I32, "stored_size", required=True),
            4: Field(I32, "checksum"),
            5: Field(STRUCT, "data", of="data"),
            7: Field(STRUCT, "dictionary", of="dictionary"),
            8: Field(STRUCT, "data_v2", of="data_v2"),
        },
        "data": {
            1: Field(I32, "n_values", required=True),
            2: Field(I32, "encoding", required=True),
            3: Field(I32, "level_encoding", required=True),
            4: Field(I32, required=True),
        },
        "dictionary": {
            1: Field(I32, "n_values", required=True),
            2: Field(I32, "encoding", required=True),
        },
        "data_v2": {
            1: Field(I32, "n_values", required=True),
            2: Field(I32, "n_nulls", required=True),
            3: Field(I32, "n_rows", required=True),
            4: Field(I32, "encoding", required=True),
            5: Field(I32, "level_bytes", required=True),
            6: Field(I32, "list_bytes", required=True),
            7: Field(BOOL, "is_compressed"),
        },
    },
    rows=("page",),
    slots=(
        *("kind", "size", "stored_size", "checksum", "n_values", "encoding"),
        *("level_encoding", "level_bytes", "is_compressed"),
        *("n_nulls", "n_rows", "list_bytes"),
        *("data", "dictionary", "data_v2"),
    ),
)
_KIND, _SIZE, _STORED_SIZE = (_LAYOUT.slots[name] for name in ("kind", "size", "stored_size"))
_N_VALUES, _LEVEL_BYTES = _LAYOUT.slots["n_values"], _LAYOUT.slots["level_bytes"]
_COUNTS = tuple(_LAYOUT.slots[name] for name in ("n_nulls", "n_rows", "level_bytes", "list_bytes"))
"""Counts in a `DATA_V2` page header."""
_DETAILS = (
    (_LAYOUT.slots["data"], DATA),
    (_LAYOUT.slots["dictionary"], DICTIONARY),
    (_LAYOUT.slots["data_v2"], DATA_V2),
)
"""The struct specific to each kind of page."""


class PageHeader(NamedTuple):
    """The header of a page of values.

    Attributes
    ----------
    kind : int
        `DATA`, `DICTIONARY`, `DATA_V2`, or a kind without values.
    size, stored_size : int
        Uncompressed and stored size of the page, in bytes.
    checksum : int or None
        CRC-32 of the stored page.
    n_values : int
        Number of values, nulls included.
    encoding : int
        Encoding of the values.
    level_encoding : int
        Encoding of the definition levels.
    level_bytes : int
        Length of the definition levels before the values; only in `DATA_V2`.
    is_compressed : bool
        The values are compressed, if the column has a codec.
    list_bytes : int
        Length of the repetition levels, which precede; only in `DATA_V2`.
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
    list_bytes: int = 0

    @classmethod
    def of(cls, row: np.ndarray) -> Self:
        """Name the numbers of a row that `_read_header` filled."""
        _, kind, size, stored_size, checksum, n_values, encoding, *rest = row.tolist()
        level_encoding, level_bytes, is_compressed, _, _, list_bytes, *_ = rest
        common = (kind, size, stored_size, None if checksum == ABSENT else checksum & 0xFFFFFFFF)
        if kind == DATA:
            return cls(*common, n_values, encoding, level_encoding)
        if kind == DATA_V2:
            levels = (RUNS, level_bytes, is_compressed != 0, list_bytes)
            return cls(*common, n_values, encoding, *levels)
        if kind == DICTIONARY:
            return cls(*common, n_values, encoding)
        return cls(*common, 0, PLAIN)


def parse_header(content: memoryview) -> tuple[PageHeader, int] | None:
    """Parse the header at the start of some bytes; None if it continues beyond them.

    Returns
    -------
    PageHeader
    int
        The header's length in bytes.

    Raises
    ------
    pyarrow.ArrowInvalid
        The bytes are not a page header.
    """
    length, row = _parsed(content)
    return None if length == UNFINISHED else (PageHeader.of(row), length)


def measure_page(content: memoryview) -> tuple[int, int] | None:
    """Parse only what is needed to skip a page; None if its header continues beyond the bytes.

    Returns
    -------
    int
        Size of the header and the page in bytes.
    int
        Number of values of a data page, nulls included; 0 for any other page.

    Raises
    ------
    pyarrow.ArrowInvalid
        The bytes are not a page header.
    """
    length, row = _parsed(content)
    n_values = int(row[_N_VALUES]) if row[_KIND] in (DATA, DATA_V2) else 0
    return None if length == UNFINISHED else (length + int(row[_STORED_SIZE]), n_values)


def _parsed(content: memoryview) -> tuple[int, np.ndarray]:
    room = np.empty((1, len(_LAYOUT.slots)), np.int64)
    length = _read_header(np.frombuffer(content, np.uint8), _LAYOUT.table, room)
    if length == DAMAGED:
        raise pa.ArrowInvalid("no page header")
    return length, room[0]


@njit
def _read_header(content: np.ndarray, layout: np.ndarray, room: np.ndarray) -> int:
    """Fill the row of `room`; return the header's length, `UNFINISHED`, or `DAMAGED`."""
    length, _, _ = read_struct(content, layout, room)
    return DAMAGED if length > 0 and not _is_possible(room[0]) else length


@njit
def _is_possible(row: np.ndarray) -> bool:
    """Check that no count is negative, and that the details are those of the page's kind only."""
    kind = row[_KIND]
    for slot, of in _DETAILS:
        if (row[slot] == 1) != (kind == of):
            return False
    if kind < 0 or row[_SIZE] < 0 or row[_STORED_SIZE] < 0:
        return False
    if kind in (DATA, DICTIONARY, DATA_V2) and row[_N_VALUES] < 0:
        return False
    if kind != DATA_V2:
        return True
    for slot in _COUNTS:
        if row[slot] < 0:
            return False
    return row[_LEVEL_BYTES] <= row[_SIZE]
