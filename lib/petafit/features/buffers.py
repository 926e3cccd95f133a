"""Arrow buffers for compiled kernels: zero-copy views, and memory that is reused."""

from typing import Any, NamedTuple

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


def pooled(size: int, dtype: type[np.generic] | np.dtype[Any]) -> np.ndarray:
    """Allocate an uninitialised array from Arrow's memory pool, shape (size,).

    The pool reuses the memory of the last batch; malloc returns arrays of this size to the system,
    and a third of the encoder's time would be spent on page faults.
    """
    return np.frombuffer(pa.allocate_buffer(int(size) * np.dtype(dtype).itemsize), dtype)


def bytes_of(text: str) -> np.ndarray:
    """Return the UTF-8 bytes of a text, as an array for kernels."""
    return np.frombuffer(text.encode(), np.uint8)


def buffers_of(texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets, shape (len(texts) + 1,) int32, and their UTF-8 bytes, without copies."""
    _, offsets, content = texts.buffers()
    if len(texts) == 0:  # Arrow omits the buffers of an empty array, or leaves them empty
        return _view(bytes(4), np.int32), bytes_of("")
    start, stop = texts.offset, texts.offset + len(texts) + 1
    return (
        _view(offsets, np.int32)[start:stop],
        bytes_of("") if content is None else _view(content, np.uint8),
    )


def _view(buffer: pa.Buffer | bytes, dtype: type[np.generic]) -> np.ndarray:
    """Return a read-only view: one type for the compiler, whatever the buffer's origin."""
    view = np.frombuffer(buffer, dtype)
    view.flags.writeable = False
    return view
