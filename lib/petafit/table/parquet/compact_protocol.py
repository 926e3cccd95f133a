"""Reader of Thrift's compact protocol into rows of numbers, for Parquet metadata.

The bytes are not trusted: positions only move forward, lengths stay within the buffer, nesting is
bounded, and a known field must have its declared type, and occur once.

References
----------
``thrift-compact-protocol.md`` of Apache Thrift.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from petafit.compiled import njit

BOOL, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 3, 4, 5, 6, 7, 8, 9, 10, 12
"""Types of fields; a boolean's type includes its value: 1 is true, 2 is false."""

ABSENT = -(1 << 63)
"""Value of a row's slot for a field that is absent."""

UNFINISHED, DAMAGED = 0, -1
"""Instead of a length: the struct continues beyond the bytes, or is invalid."""

_FALSE = 2
_MOST_FIELDS, _MOST_DEPTH = 32, 24
_MOST_BYTES = 1 << 31

_KIND, _INNER, _ELEMENT, _SLOT = range(4)
"""Columns of a layout's table: the declaration of a field."""
_HAS_ROW, _REQUIRED = range(2)
"""Declaration of the struct itself, in the place of field 0."""
_NO_LIST = -1
"""Instead of how many elements are left."""


class Field(NamedTuple):
    """A field of a struct.

    Attributes
    ----------
    kind : int
        Its type.
    name : str
        The slot of its value in the row: of bytes and lists, where they start; of a struct, 1.
        `ended` and `counted` name the slots behind it. Empty if nothing is kept.
    of : str
        The struct that it is, or a list's elements are.
    elements : int
        The type of a list's elements.
    required : bool
        A struct without it is damaged.
    """

    kind: int
    name: str = ""
    of: str = ""
    elements: int = STRUCT
    required: bool = False


class StructLayout(NamedTuple):
    """Structs in the kernel's form, the outermost first.

    Attributes
    ----------
    table : ndarray of int64, shape (n_structs, 32, 4)
    slots : dict of str to int
        The position of each name in a row; position 0 holds the struct's number.
    structs : dict of str to int
        The number of each struct.
    """

    table: np.ndarray
    slots: dict[str, int]
    structs: dict[str, int]


def layout_of(
    structs: Mapping[str, Mapping[int, Field]], *, rows: Sequence[str], slots: Sequence[str]
) -> StructLayout:
    """Compile structs for `read_struct`.

    Parameters
    ----------
    structs : mapping of str to mapping of int to Field
        The outermost first; fields by their number.
    rows : sequence of str
        The structs with a row of their own; others write into the row of their parent.
    slots : sequence of str
        The names of a row's values, in their order.
    """
    numbers = {name: number for number, name in enumerate(structs)}
    places = {name: place for place, name in enumerate(("", *slots))}
    table = np.zeros((len(structs), _MOST_FIELDS, 4), np.int64)
    for name, fields in structs.items():
        required = sum(1 << number for number, field in fields.items() if field.required)
        table[numbers[name], 0, :2] = name in rows, required
        for number, field in fields.items():
            slot = places[field.name] if field.name else -1
            inner = numbers.get(field.of, -1)
            table[numbers[name], number] = field.kind, inner, field.elements, slot
    return StructLayout(table, places, numbers)


def ended(name: str) -> str:
    """Return the slot with the end of bytes or of a list."""
    return f"{name}.end"


def counted(name: str) -> str:
    """Return the slot with a list's number of elements."""
    return f"{name}.count"


@njit
def read_struct(
    content: np.ndarray, layout: np.ndarray, found: np.ndarray
) -> tuple[int, int, np.ndarray]:
    """Read the outermost struct of a layout, skipping fields that the layout does not name.

    Parameters
    ----------
    content : ndarray of uint8
    layout : ndarray of int64
        The table of a `StructLayout`.
    found : ndarray of int64, shape (n, n_slots)
        Buffer for the first rows.

    Returns
    -------
    int
        Its length in bytes; `UNFINISHED` if the buffer ends before, `DAMAGED` if it is invalid.
    int
        Number of rows, which are in the order in which their structs begin.
    ndarray of int64, shape (m, n_slots)
        The rows, possibly followed by unused ones.
    """
    outer = np.empty((_MOST_DEPTH, 7), np.int64)
    found[0] = ABSENT
    found[0, 0] = 0
    at, depth, n_rows = 0, 0, 1
    struct, row, left, of, to, number, seen = 0, 0, _NO_LIST, 0, -1, 0, 0
    while True:
        if left == 0:  # end of a list
            if to >= 0:
                found[row, to + 1] = at
            depth -= 1
            struct, row, left, of, to, number, seen = _seven(outer, depth)
            continue
        if at >= content.size:
            return UNFINISHED, 0, found
        if left > 0:
            left -= 1
            kind, inner, element, slot = of, struct, 0, -1
            at += kind in (BOOL, _FALSE)
        else:
            step, kind = _halves(content, at)
            at += 1
            if kind == 0:  # end of a struct
                if struct >= 0 and layout[struct, 0, _REQUIRED] & ~seen:
                    return DAMAGED, 0, found
                depth -= 1
                if depth < 0:
                    return at, n_rows, found
                struct, row, left, of, to, number, seen = _seven(outer, depth)
                continue
            number += step
            if step == 0:
                at, number = _read_varint(content, at, 16)
                number = (number >> 1) ^ -(number & 1)
            inner, element, slot = -1, 0, -1
            if struct >= 0 and 0 < number < _MOST_FIELDS and layout[struct, number, _KIND]:
                bit = 1 << number
                wanted, inner = layout[struct, number, _KIND], layout[struct, number, _INNER]
                element, slot = layout[struct, number, _ELEMENT], layout[struct, number, _SLOT]
                if seen & bit or wanted != (BOOL if kind == _FALSE else kind):
                    return DAMAGED, 0, found
                seen |= bit
            if number <= 0 or at <= 0:
                return (at if at <= 0 else DAMAGED), 0, found
        if kind in (STRUCT, LIST, SET):
            if depth == _MOST_DEPTH - 1:
                return DAMAGED, 0, found
            outer[depth] = struct, row, left, of, to, number, seen
            depth += 1
            struct, to = inner, slot
            if kind == STRUCT:
                left, number, seen = _NO_LIST, 0, 0
                if slot >= 0:
                    found[row, slot] = 1
                if inner >= 0 and layout[inner, 0, _HAS_ROW]:
                    found, row, n_rows = _with_room(found, n_rows), n_rows, n_rows + 1
                    found[row] = ABSENT
                    found[row, 0] = inner
            else:
                at, left, of = _open_list(content, at)
                if left and element and of != element:
                    return DAMAGED, 0, found
                if slot >= 0:
                    found[row, slot] = at
                    found[row, slot + 2] = left
        else:
            at, value, end = _read_value(content, at, kind)
            if slot >= 0:
                found[row, slot] = value
                if kind == BINARY:
                    found[row, slot + 1] = end
        if at <= 0:
            return at, 0, found


@njit
def _seven(numbers: np.ndarray, i: int) -> tuple[int, int, int, int, int, int, int]:
    return (
        numbers[i, 0],
        numbers[i, 1],
        numbers[i, 2],
        numbers[i, 3],
        numbers[i, 4],
        numbers[i, 5],
        numbers[i, 6],
    )


@njit
def _halves(content: np.ndarray, at: int) -> tuple[int, int]:
    """Return the upper and the lower four bits of a byte."""
    byte = int(np.int64(content[at]))
    return byte >> 4, byte & 15


@njit
def _with_room(found: np.ndarray, n_rows: int) -> np.ndarray:
    if n_rows < found.shape[0]:
        return found
    larger = np.empty((2 * found.shape[0], found.shape[1]), np.int64)
    larger[:n_rows] = found
    return larger


@njit
def _open_list(content: np.ndarray, at: int) -> tuple[int, int, int]:
    """Return the start of a list's elements, their number, and their type."""
    if at >= content.size:
        return UNFINISHED, 0, 0
    size, kind = _halves(content, at)
    at += 1
    if size == 15:
        at, size = _read_varint(content, at, 31)
    room = content.size - at  # every element takes at least a byte
    return (at if size <= room else UNFINISHED), size, kind


@njit
def _read_value(content: np.ndarray, at: int, kind: int) -> tuple[int, int, int]:
    """Return the end of a value, and the value; for bytes, their start and end."""
    value = 0
    if kind in (BOOL, _FALSE):
        value = 1 if kind == BOOL else 0
    elif I16 <= kind <= I64:
        at, number = _read_varint(content, at, 16 if kind == I16 else 32 if kind == I32 else 64)
        value = ((number >> 1) & ~ABSENT) ^ -(number & 1)
    elif kind == BINARY:
        at, length = _read_varint(content, at, 31)
        value = at
        at += length if at > 0 else 0
    elif kind in (BYTE, DOUBLE):
        at += 1 if kind == BYTE else 8
    else:
        at = DAMAGED
    return (at if at <= content.size else UNFINISHED), value, at


@njit
def _read_varint(content: np.ndarray, at: int, bits: int) -> tuple[int, int]:
    """Return the end and the value of a number of at most `bits` bits, at seven bits a byte."""
    value, shift = 0, 0
    while at < content.size:
        low = int(np.int64(content[at] & 127))
        if shift + 7 > bits and (shift >= bits or low >> (bits - shift)):
            return DAMAGED, 0
        value |= low << shift
        shift += 7
        at += 1
        if content[at - 1] < 128:
            return at, value
    return UNFINISHED, 0
