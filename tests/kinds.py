"""Columns of every Arrow type that a Parquet file holds, and their values as readers give them."""

import datetime
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from petafit.store.requirements import fits

UTC = datetime.UTC
DAY = datetime.date(1969, 7, 20)
MOMENT = datetime.datetime(1969, 7, 20, 20, 17, 40, 123456)
INSTANT = MOMENT.replace(tzinfo=UTC)
WHOLE = MOMENT.replace(microsecond=0)
WHOLE_INSTANT = INSTANT.replace(microsecond=0)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
ID = uuid.UUID(int=2**127 + 1)


def kept(kind: pa.DataType, *values: Any) -> tuple[pa.Array, list[Any]]:
    """Values that come back as they are."""
    return pa.array([*values, None], kind), [*values, None]


def changed(column: pa.Array, *expected: Any) -> tuple[pa.Array, list[Any]]:
    """Values that come back in another form, and a null."""
    return column, [*expected, None]


COLUMNS: dict[str, tuple[pa.Array, list[Any]]] = {
    "null": kept(pa.null(), None, None),
    "bool": kept(pa.bool_(), True, False),
    "int8": kept(pa.int8(), -128, 127),
    "int16": kept(pa.int16(), -(2**15), 2**15 - 1),
    "int32": kept(pa.int32(), -(2**31), 2**31 - 1),
    "int64": kept(pa.int64(), -(2**63), 2**63 - 1),
    "uint8": kept(pa.uint8(), 128, 255),
    "uint16": kept(pa.uint16(), 2**15, 2**16 - 1),
    "uint32": kept(pa.uint32(), 2**31, 2**32 - 1),
    "uint64": kept(pa.uint64(), 2**63, 2**64 - 1),
    "float16": kept(pa.float16(), np.float16(1.5), np.float16("inf")),
    "float32": kept(pa.float32(), -0.1015625, 3.0),
    "float64": kept(pa.float64(), 0.1, -1e300),
    "decimal128": kept(pa.decimal128(38, 0), Decimal(10**38 - 1), Decimal(-1)),
    "decimal256": kept(pa.decimal256(38, 4), Decimal("1.0001"), Decimal("-7.0000")),
    "digits": changed(
        pa.array([Decimal(10**50), Decimal(-1), None], pa.decimal256(60, 1)),
        f"{10**50}.0", "-1.0",
    ),
    "date32": kept(pa.date32(), DAY, datetime.date(9999, 12, 31)),
    "date64": kept(pa.date64(), DAY, datetime.date(1, 1, 1)),
    "time32_s": changed(pa.array([0, 86399, None], pa.time32("s")), "00:00:00.000", "23:59:59.000"),
    "time32_ms": changed(pa.array([1, 2, None], pa.time32("ms")), "00:00:00.001", "00:00:00.002"),
    "time64_us": changed(
        pa.array([1, 2, None], pa.time64("us")), "00:00:00.000001", "00:00:00.000002"
    ),
    "time64_ns": changed(
        pa.array([1, 2, None], pa.time64("ns")), "00:00:00.000000001", "00:00:00.000000002"
    ),
    "timestamp_s": kept(pa.timestamp("s"), WHOLE, datetime.datetime(2300, 1, 1)),
    "timestamp_ms": kept(pa.timestamp("ms"), WHOLE, datetime.datetime(1, 1, 1)),
    "timestamp_us": kept(pa.timestamp("us"), MOMENT, datetime.datetime(9999, 1, 1)),
    "timestamp_ns": changed(
        pa.array([10**18 + 1007, 10**18 + 2999, None], pa.timestamp("ns")),
        datetime.datetime(2001, 9, 9, 1, 46, 40, 1), datetime.datetime(2001, 9, 9, 1, 46, 40, 2),
    ),
    "instant_s": kept(pa.timestamp("s", "Asia/Tokyo"), WHOLE_INSTANT, WHOLE_INSTANT),
    "instant_us": kept(pa.timestamp("us", "UTC"), INSTANT, INSTANT),
    "instant_ns": changed(
        pa.array([1007, 2000, None], pa.timestamp("ns", "America/New_York")),
        EPOCH.replace(microsecond=1), EPOCH.replace(microsecond=2),
    ),
    "string": kept(pa.string(), "", "Ω\x00"),
    "large_string": kept(pa.large_string(), "a", "b"),
    "words": kept(pa.dictionary(pa.int8(), pa.string()), "a", "b"),
    "binary": kept(pa.binary(), b"", b"\x00\xff"),
    "large_binary": kept(pa.large_binary(), b"a", b"\xff"),
    "binary16": kept(pa.binary(16), b"a" * 16, b"\xff" * 16),
    "codes": (pa.array([b"a", b"\xff", None]).dictionary_encode(), [b"a", b"\xff", None]),
    "uuid": changed(
        pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([ID.bytes, bytes(16), None], pa.binary(16))
        ),
        ID.bytes, bytes(16),
    ),
    "bool8": changed(pa.array([1, 0, None], pa.bool8()), 1, 0),
    "list": kept(pa.list_(pa.uint8()), [255, None], []),
    "large_list": kept(pa.large_list(pa.uint64()), [2**64 - 1], []),
    "list3": kept(pa.list_(pa.uint8(), 2), [255, 0], [1, 2]),
    "lists": kept(pa.list_(pa.list_(pa.binary(2))), [[b"ab"], []], []),
    "struct": kept(
        pa.struct({"a": pa.uint32(), "b": pa.struct({"c": pa.timestamp("us")})}),
        {"a": 2**32 - 1, "b": {"c": MOMENT}},
        {"a": None, "b": None},
    ),
    "map": kept(pa.map_(pa.large_string(), pa.uint16()), [("a", 65535)], []),
}  # fmt: skip
VIEWS = pa.string_view() if hasattr(pa, "json_") else pa.large_string()
"""pyarrow 18 knows views of strings, but does not write them."""

if not fits(pa.__version__, ">=26"):  # it writes null lists of a fixed size, and cannot read them
    COLUMNS["list3"] = pa.array([[255, 0], [1, 2], [3, 4]], pa.list_(pa.uint8(), 2)), [
        [255, 0], [1, 2], [3, 4]
    ]  # fmt: skip

if hasattr(pa, "json_"):  # pyarrow 19 brought it, and narrow decimals
    COLUMNS |= {
        "string_view": kept(pa.string_view(), "a", "longer than twelve bytes"),
        "binary_view": kept(pa.binary_view(), b"a", b"\xff" * 20),
        "json": kept(pa.json_(), '{"a": 1}', "[]"),
        "decimal32": kept(pa.decimal32(7, 2), Decimal("-99.99"), Decimal("12345.67")),
        "decimal64": kept(pa.decimal64(15, 3), Decimal("-99.990"), Decimal("999999999999.999")),
    }


def table() -> pa.Table:
    """All columns, numbered by `id`."""
    return pa.table({"id": [0, 1, 2], **{name: values for name, (values, _) in COLUMNS.items()}})
