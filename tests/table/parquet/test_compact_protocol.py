"""Thrift's compact protocol, against an implementation that is slow and plain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.table.parquet.compact_protocol import (
    ABSENT,
    BINARY,
    BOOL,
    DAMAGED,
    I32,
    I64,
    LIST,
    STRUCT,
    UNFINISHED,
    Field,
    counted,
    ended,
    layout_of,
    read_struct,
)
from tests.fuzz import thrift

LAYOUT = layout_of(
    {
        "outer": {
            1: Field(I32, "number", required=True),
            2: Field(I64, "large"),
            3: Field(BINARY, "text"),
            4: Field(LIST, "items", elements=I64),
            5: Field(BOOL, "yes"),
            6: Field(LIST, of="inner"),
            31: Field(STRUCT, "there", of="inner"),
        },
        "inner": {1: Field(I64, "large")},
    },
    rows=("outer", "inner"),
    slots=(
        *("number", "large", "yes", "there"),
        *("text", ended("text"), "items", ended("items"), counted("items")),
    ),
)

i32, i64 = st.integers(-(1 << 31), (1 << 31) - 1), st.integers(1 - (1 << 63), (1 << 63) - 1)


def read(raw):
    room = np.empty((1, len(LAYOUT.slots)), np.int64)
    length, n_rows, found = read_struct(np.frombuffer(raw, np.uint8), LAYOUT.table, room)
    rows = [{name: int(row[slot]) for name, slot in LAYOUT.slots.items()} for row in found[:n_rows]]
    return length, rows


def value(kind, content):
    return thrift.Value(kind, content)


scalars = st.one_of(
    i32.map(lambda number: value(thrift.I32, number)),
    st.binary(max_size=20).map(lambda raw: value(thrift.BINARY, raw)),
    st.binary(min_size=8, max_size=8).map(lambda raw: value(thrift.DOUBLE, raw)),
    st.sampled_from([value(thrift.TRUE, None), value(thrift.FALSE, None)]),
)
unknown = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20).map(lambda items: value(thrift.LIST, like_the_first(items))),
        st.dictionaries(st.integers(1, 300), inner, max_size=4).map(
            lambda fields: value(thrift.STRUCT, list(fields.items()))
        ),
    ),
    max_leaves=8,
)


def like_the_first(items):
    """A list has one type; booleans have two names of it."""
    kinds = {thrift.TRUE: 0, thrift.FALSE: 0}
    kind = items and kinds.get(items[0].kind, items[0].kind)
    return [item for item in items if kinds.get(item.kind, item.kind) == kind]


@given(
    number=i32,
    large=st.none() | i64,
    text=st.binary(max_size=200),
    items=st.lists(i64, max_size=40),
    yes=st.none() | st.booleans(),
    inner=st.lists(i64, max_size=20),
    more=st.dictionaries(st.integers(7, 30) | st.integers(32, 3000), unknown, max_size=5),
)
def test_what_is_known_is_found_among_whatever_is_not(number, large, text, items, yes, inner, more):
    own = [value(thrift.I64, item) for item in items]
    structs = [value(thrift.STRUCT, [(1, value(thrift.I64, item))]) for item in inner]
    fields = [
        (1, value(thrift.I32, number)),
        *([(2, value(thrift.I64, large))] if large is not None else []),
        (3, value(thrift.BINARY, text)),
        (4, value(thrift.LIST, own)),
        *([(5, value(thrift.TRUE if yes else thrift.FALSE, None))] if yes is not None else []),
        (6, value(thrift.LIST, structs)),
        *more.items(),
    ]
    raw = thrift.dump(value(thrift.STRUCT, fields))
    length, (outer, *rows) = read(raw + b"rest")
    assert length == len(raw)
    assert outer["number"] == number
    assert outer["large"] == (ABSENT if large is None else large)
    assert outer["yes"] == (ABSENT if yes is None else yes)
    assert (raw + b"rest")[outer["text"] : outer[ended("text")]] == text
    assert outer[counted("items")] == len(items)
    assert [row["large"] for row in rows] == inner
    for end in range(len(raw)):
        assert read(raw[:end]) == (UNFINISHED, [])


NUMBER = b"\x15\x02"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\0", "what is required is not there"),
        (b"\x16\x02\0", "of another type"),
        (NUMBER + b"\x05\x02\x02\0", "twice"),
        (b"\x15\x80\x80\x80\x80\x10\0", "more than 32 bits"),
        (NUMBER + b"\x16" + b"\xff" * 9 + b"\x02\0", "more than 64 bits"),
        (NUMBER + b"\x16" + b"\xff" * 11, "a number that does not end"),
        (NUMBER + b"\x28\xf4\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", "a negative length"),
        (NUMBER + b"\x39\xf6\xff\xff\xff\xff\x0f", "a list of 2^32 numbers"),
        (NUMBER + b"\x39\x15\x02\0", "a list of another type"),
        (NUMBER + b"\x05\x01", "a field that goes back to below 1"),
        (NUMBER + b"\x6b\0\0", "a map"),
        (NUMBER + b"\x6d\0", "no type"),
        (NUMBER + b"\x6c" + b"\x1c" * 100, "structs without end"),
        (NUMBER + b"\x69" + b"\x19" * 100, "lists without end"),
    ],
)
def test_what_cannot_be_is_damaged(raw, why):
    assert read(raw + bytes(200)) == (DAMAGED, []), why
