"""Zero-copy views of Arrow buffers for compiled kernels."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from petafit.compiled import njit

_NO_BITS = np.frombuffer(b"", np.uint8)


class Slots(NamedTuple):
    """The values of a primitive array with its validity bitmap.

    Attributes
    ----------
    values : ndarray of shape (n_rows,)
        Values at nulls are undefined.
    validity : ndarray of uint8
        A bit for each value, 0 for null; empty if there are no nulls.
    first : int
        The position of the first value's bit.
    """

    values: np.ndarray
    validity: np.ndarray
    first: int


def slots_of(array: pa.Array) -> Slots:
    """Return read-only slots of an array of integers or floats.

    Kernels are compiled once for each type of their arguments, so the type must not depend on the
    buffer's origin.
    """
    validity, values = array.buffers()
    dtype = np.dtype(array.type.to_pandas_dtype())
    found = np.frombuffer(values or b"", dtype, len(array), array.offset * dtype.itemsize)
    found.flags.writeable = False
    if array.null_count == 0:
        return Slots(found, _NO_BITS, 0)
    bits = np.frombuffer(validity, np.uint8)
    bits.flags.writeable = False
    return Slots(found, bits, array.offset)


def place_of(texts: pa.StringArray) -> tuple[int, ...]:
    """Return length, offset and buffer addresses, which identify an array while it exists."""
    addresses = (buffer.address for buffer in texts.buffers() if buffer is not None)
    return (len(texts), texts.offset, *addresses)


@njit
def valid_bit(validity: np.ndarray, position: int) -> np.uint64:
    """Return 1 if the value at a position is valid, 0 if it is null."""
    at = np.uint64(position)
    return (np.uint64(validity[at >> np.uint64(3)]) >> (at & np.uint64(7))) & np.uint64(1)
