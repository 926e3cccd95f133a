"""Feature indices as in Spark's FeatureHasher: murmur3_x86_32 with seed 42, modulo the hash space.

The hashed text, ``column=value`` or ``a×b=va×vb``, is never concatenated: the hash is updated
incrementally from Arrow's UTF-8 buffers.
"""

import numpy as np
import pyarrow as pa

from petafit.compiled import njit
from petafit.features.encoding.murmur3 import SEED, absorb, finish
from petafit.features.feature import CROSS

NOTHING = -1
"""The index of a value that has no feature."""

_CROSS_BYTES = np.frombuffer(CROSS.encode(), np.uint8)
_MEMO_SLOTS = 8192  # 96 kB for a pair: fits into the second-level cache


def bytes_of(text: str) -> np.ndarray:
    """Return the UTF-8 bytes of a text, as an array for kernels."""
    return np.frombuffer(text.encode(), np.uint8)


def feature_index(text: str, hash_bits: int) -> int:
    """Return the index of a feature, given the text that is hashed: ``carrier=AA``, ``distance``.

    Examples
    --------
    >>> feature_index("carrier=AA", 18)
    187361
    """
    return int(indices_of_texts("", pa.array([text], pa.string()), hash_bits)[0])


def indices_of_texts(prefix: str, texts: pa.StringArray, hash_bits: int) -> np.ndarray:
    """Return the index of ``prefix + text`` for each text, shape (len(texts),) int32.

    Null texts are hashed like empty ones; the caller masks them.
    """
    indices = np.empty(len(texts), np.int32)
    _hash_texts(bytes_of(prefix), *buffers_of(texts), index_mask(hash_bits), indices)
    return indices


def indices_of_crosses(
    prefix: str, codes: np.ndarray, texts: tuple[pa.StringArray, ...], hash_bits: int
) -> np.ndarray:
    """Return the index of ``prefix + text_0 × text_1 × …`` for each row, shape (n_rows,) int32.

    Parameters
    ----------
    codes : ndarray of int32, shape (n_parts, n_rows)
        Positions in `texts`; a negative one makes the row's index `NOTHING`.
    texts : tuple of StringArray, length n_parts
    """
    indices = np.empty(codes.shape[1], np.int32)
    offsets, contents = zip(*map(buffers_of, texts), strict=True)
    _hash_crosses(bytes_of(prefix), codes, offsets, contents, index_mask(hash_bits), indices)
    return indices


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


def index_mask(hash_bits: int) -> np.uint32:
    """Return a mask of the low bits: a non-negative modulo of a power of two."""
    return np.uint32((1 << hash_bits) - 1)


@njit
def _hash_texts(
    prefix: np.ndarray,
    offsets: np.ndarray,
    content: np.ndarray,
    mask: np.uint32,
    indices: np.ndarray,
) -> None:
    begun = absorb(SEED, np.uint64(0), 0, prefix, 0, prefix.size)
    for i in range(indices.size):
        state, pending, length = begun
        hashed = finish(*absorb(state, pending, length, content, offsets[i], offsets[i + 1]))
        indices[i] = np.int32(hashed & mask)


@njit
def _hash_crosses(
    prefix: np.ndarray,
    codes: np.ndarray,
    offsets: tuple[np.ndarray, ...],
    contents: tuple[np.ndarray, ...],
    mask: np.uint32,
    indices: np.ndarray,
) -> None:
    """Hash crosses, with a direct-mapped memo of code combinations that recur."""
    n_parts, n_rows = codes.shape
    memo_codes = np.full((_MEMO_SLOTS, n_parts), -1, np.int32)
    memo_indices = np.empty(_MEMO_SLOTS, np.int32)
    begun = absorb(SEED, np.uint64(0), 0, prefix, 0, prefix.size)
    for i in range(n_rows):
        key = np.uint64(0)
        complete = True
        for part in range(n_parts):
            key = (key + np.uint64(codes[part, i])) * np.uint64(0x9E3779B97F4A7C15)
            complete &= codes[part, i] >= 0
        if not complete:
            indices[i] = NOTHING
            continue
        slot = np.int64(key >> np.uint64(40)) % _MEMO_SLOTS
        known = True
        for part in range(n_parts):
            known &= memo_codes[slot, part] == codes[part, i]
        if not known:
            state, pending, length = begun
            for part in range(n_parts):
                code = codes[part, i]
                if part > 0:
                    state, pending, length = absorb(
                        state, pending, length, _CROSS_BYTES, 0, _CROSS_BYTES.size
                    )
                start, stop = offsets[part][code], offsets[part][code + 1]
                state, pending, length = absorb(state, pending, length, contents[part], start, stop)
                memo_codes[slot, part] = code
            memo_indices[slot] = np.int32(finish(state, pending, length) & mask)
        indices[i] = memo_indices[slot]
