"""Missing values and equality in columns of any type."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def missing(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return which rows have no value, (n_rows,) boolean: null, and NaN in floating columns.

    Examples
    --------
    >>> missing(pa.array([1.0, float("nan"), None])).to_pylist()
    [False, True, True]
    """
    return pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))


def one_zero(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Replace -0.0 by 0.0, which is equal but has another hash and text."""
    if not pa.types.is_floating(values.type):
        return values
    values = comparable(values)
    return pc.if_else(pc.equal(values, 0.0), pa.scalar(0.0, values.type), values)


def comparable(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Convert values to a type that Arrow can compare: it cannot compare 16-bit floats."""
    return values.cast(pa.float32()) if pa.types.is_float16(values.type) else values


def legible(values: pa.Array) -> pa.StringArray:
    """Convert values to text, replacing bytes that are not UTF-8."""
    texts = values.cast(pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.binary()).to_pylist()
        texts = pa.array([None if t is None else t.decode("utf-8", "replace") for t in raw])
    return texts


def as_python(value: pa.Scalar) -> Any:
    """Convert a value to Python's; to text if Python has none, as for years beyond 9999.

    Examples
    --------
    >>> type(as_python(pa.scalar(3_000_000, pa.date32())))
    <class 'str'>
    """
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return legible(pa.array([value], value.type))[0].as_py()


def present(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values that are not missing, with 0.0 for -0.0."""
    return one_zero(values.filter(pc.invert(missing(values))))
