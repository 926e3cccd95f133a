"""What counts as missing, and as equal, in a column of any type."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def missing(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Which rows have no value, (n_rows,) boolean: null, and NaN in floating columns.

    Examples
    --------
    >>> missing(pa.array([1.0, float("nan"), None])).to_pylist()
    [False, True, True]
    """
    return pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))


def one_zero(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The values, with 0.0 for -0.0, which is equal: hashes and texts would tell them apart."""
    if not pa.types.is_floating(values.type):
        return values
    values = comparable(values)
    return pc.if_else(pc.equal(values, 0.0), pa.scalar(0.0, values.type), values)


def comparable(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The values in a type that Arrow compares: it does not compare floats of 16 bits."""
    return values.cast(pa.float32()) if pa.types.is_float16(values.type) else values


def legible(values: pa.Array) -> pa.StringArray:
    """The values as text; where text is not UTF-8, with a sign for each byte that is none."""
    texts = values.cast(pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.binary()).to_pylist()
        texts = pa.array([None if t is None else t.decode("utf-8", "replace") for t in raw])
    return texts


def as_python(value: pa.Scalar) -> Any:
    """A value as Python's own; as text where Python has none, as of years beyond 9999.

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
    """The values that are not missing, 0.0 for -0.0."""
    return one_zero(values.filter(pc.invert(missing(values))))
