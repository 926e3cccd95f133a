"""Structs in Thrift's compact protocol as trees that can be changed and written again.

Slow and plain, independent of the implementation that is tested.
"""

from dataclasses import dataclass

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
INTEGERS = (I16, I32, I64)


@dataclass
class Value:
    """A value; of structs, its content is a list of (number, Value), of lists a list of Value."""

    kind: int
    content: object
    element: int = STRUCT  # of an empty list


def parse(raw, at=0):
    """The struct that starts at a place, and where it ends."""
    fields, number = [], 0
    while raw[at]:
        step, kind = raw[at] >> 4, raw[at] & 15
        at += 1
        if step:
            number += step
        else:
            number, at = _integer(raw, at)
        value, at = _parse_value(raw, at, kind, in_list=False)
        fields.append((number, value))
    return Value(STRUCT, fields), at + 1


def dump(struct):
    """The bytes of a struct."""
    out, last = bytearray(), 0
    for number, value in struct.content:
        step = number - last
        if 0 < step < 16:
            out.append(step << 4 | value.kind)
        else:
            out.append(value.kind)
            out += _zigzag(number)
        out += _dump_value(value, in_list=False)
        last = number
    return bytes(out) + b"\0"


def find(struct, *numbers):
    """The value of a field, of a field in it, and so on; None where there is none."""
    for number in numbers:
        struct = next((value for other, value in struct.content if other == number), None)
        if struct is None:
            return None
    return struct


def nodes(value):
    """The value, and all in it."""
    yield value
    inner = value.content if value.kind in (LIST, SET) else []
    if value.kind == STRUCT:
        inner = [field for _, field in value.content]
    for each in inner:
        yield from nodes(each)


def _parse_value(raw, at, kind, *, in_list):
    if kind in (TRUE, FALSE):
        return Value(raw[at] if in_list else kind, None), at + in_list
    if kind in INTEGERS:
        number, at = _integer(raw, at)
        return Value(kind, number), at
    if kind in (BYTE, DOUBLE):
        size = 1 if kind == BYTE else 8
        return Value(kind, raw[at : at + size]), at + size
    if kind == BINARY:
        size, at = _varint(raw, at)
        return Value(kind, raw[at : at + size]), at + size
    if kind == STRUCT:
        return parse(raw, at)
    assert kind in (LIST, SET), kind
    size, element = raw[at] >> 4, raw[at] & 15
    at += 1
    if size == 15:
        size, at = _varint(raw, at)
    items = []
    for _ in range(size):
        item, at = _parse_value(raw, at, element, in_list=True)
        items.append(item)
    return Value(kind, items, element), at


def _dump_value(value, *, in_list):
    if value.kind in (TRUE, FALSE):
        return bytes([value.kind]) if in_list else b""
    if value.kind in INTEGERS:
        return _zigzag(value.content)
    if value.kind in (BYTE, DOUBLE):
        return value.content
    if value.kind == BINARY:
        return _unsigned(len(value.content)) + value.content
    if value.kind == STRUCT:
        return dump(value)
    size = len(value.content)
    element = value.content[0].kind if value.content else value.element
    head = bytes([size << 4 | element]) if size < 15 else bytes([0xF0 | element]) + _unsigned(size)
    return head + b"".join(_dump_value(item, in_list=True) for item in value.content)


def _varint(raw, at):
    number = shift = 0
    while True:
        number |= (raw[at] & 127) << shift
        shift += 7
        at += 1
        if raw[at - 1] < 128:
            return number, at


def _integer(raw, at):
    number, at = _varint(raw, at)
    return (number >> 1) ^ -(number & 1), at


def _unsigned(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def _zigzag(number):
    return _unsigned((number << 1 ^ number >> 63) & (1 << 64) - 1)
