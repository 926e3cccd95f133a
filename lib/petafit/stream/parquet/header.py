"""The header of a Parquet page.

References
----------
``parquet.thrift`` of the Parquet format: ``PageHeader``.
"""

from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

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
"""Encodings: values as they are, codes into the dictionary (two names of one), and levels."""

DICTIONARY_ENCODINGS = (0, 2)
"""Two names of how the values of a dictionary are stored: as they are."""

_DETAILS = {
    DATA: (1, ABSENT, ABSENT),
    DICTIONARY: (ABSENT, 1, ABSENT),
    DATA_V2: (ABSENT, ABSENT, 1),
}
_NONE = (ABSENT, ABSENT, ABSENT)
"""Which of the structs with what only pages of a kind have are there."""
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
    list_bytes : int
        How many bytes before those of the levels tell lists apart; only in `DATA_V2`.
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
        """From the row that `read_struct` found.

        Raises
        ------
        pyarrow.ArrowInvalid
            It tells what cannot be.
        """
        _, kind, size, stored_size, checksum, n_values, encoding, *rest = row.tolist()
        level_encoding, level_bytes, is_compressed, n_nulls, n_rows, list_bytes, *details = rest
        common = (kind, size, stored_size, None if checksum == ABSENT else checksum & 0xFFFFFFFF)
        if kind == DATA:
            header = cls(*common, n_values, encoding, level_encoding)
        elif kind == DATA_V2:
            levels = (RUNS, level_bytes, is_compressed != 0, list_bytes)
            header = cls(*common, n_values, encoding, *levels)
        elif kind == DICTIONARY:
            header = cls(*common, n_values, encoding)
        else:
            header = cls(*common, 0, PLAIN)
        least = min(kind, size, stored_size, header.n_values, header.level_bytes)
        if kind == DATA_V2:
            least = min(least, n_nulls, n_rows, list_bytes)
        if least < 0 or header.level_bytes > size or tuple(details) != _DETAILS.get(kind, _NONE):
            raise pa.ArrowInvalid(f"a page header that cannot be: {header}")
        return header


def parse_header(content: memoryview) -> tuple[PageHeader, int] | None:
    """The header that some bytes begin with, and how many bytes it takes; None if it goes on.

    Raises
    ------
    pyarrow.ArrowInvalid
        It is none.
    """
    room = np.empty((1, len(_LAYOUT.slots)), np.int64)
    length, _, found = read_struct(np.frombuffer(content, np.uint8), _LAYOUT.table, room)
    if length == DAMAGED:
        raise pa.ArrowInvalid("no page header")
    return None if length == UNFINISHED else (PageHeader.of(found[0]), length)
