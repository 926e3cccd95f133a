"""What counts as missing, and as equal, in a column of any type."""

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
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    return pc.if_else(pc.equal(values, 0.0), pa.scalar(0.0, values.type), values)


def present(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values that are not missing, 0.0 for -0.0."""
    return one_zero(values.filter(pc.invert(missing(values))))
