"""Feature indices as in Spark's FeatureHasher: murmur3_x86_32 with seed 42, modulo the hash space.

The hashed text, ``column=value`` or ``a×b=va×vb``, is never concatenated: the hash is updated
incrementally from Arrow's UTF-8 buffers. Numbers have indices of their own, behind the hashed ones.

References
----------
Austin Appleby, MurmurHash3.cpp (public domain), function ``MurmurHash3_x86_32``.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa

from petafit.compiled import njit
from petafit.features.buffers import buffers_of, bytes_of
from petafit.features.feature import CROSS, Cyclic, Feature, Lookup, Numeric, Vector

SEED = np.uint32(42)
"""The seed of Spark's FeatureHasher and HashingTF."""


@njit
def _rotate(word: np.uint32, bits: int) -> np.uint32:
    return np.uint32((word << np.uint32(bits)) | (word >> np.uint32(32 - bits)))


@njit
def _mix_word(word: np.uint32) -> np.uint32:
    return np.uint32(_rotate(np.uint32(word * np.uint32(0xCC9E2D51)), 15) * np.uint32(0x1B873593))


@njit
def mix(state: np.uint32, word: np.uint32) -> np.uint32:
    """Mix in four bytes, in little-endian order."""
    rotated = _rotate(np.uint32(state ^ _mix_word(word)), 13)
    return np.uint32(rotated * np.uint32(5) + np.uint32(0xE6546B64))


@njit
def absorb(
    state: np.uint32, pending: np.uint64, length: int, content: np.ndarray, start: int, stop: int
) -> tuple[np.uint32, np.uint64, int]:
    """Hash ``content[start:stop]``; `pending` holds the ``length % 4`` bytes not yet mixed.

    Positions are unsigned, so compiled code need not check for negative indices.
    """
    shift = np.uint64(8 * (length & 3))
    at, end = np.uint64(start), np.uint64(stop)
    while at + np.uint64(4) <= end:
        word = (
            np.uint64(content[at])
            | np.uint64(content[at + np.uint64(1)]) << np.uint64(8)
            | np.uint64(content[at + np.uint64(2)]) << np.uint64(16)
            | np.uint64(content[at + np.uint64(3)]) << np.uint64(24)
        )
        pending |= word << shift
        state = mix(state, np.uint32(pending))
        pending >>= np.uint64(32)
        at += np.uint64(4)
    while at < end:
        pending |= np.uint64(content[at]) << shift
        shift += np.uint64(8)
        at += np.uint64(1)
    if shift >= np.uint64(32):
        state = mix(state, np.uint32(pending))
        pending >>= np.uint64(32)
    return state, pending, length + stop - start


@njit
def finish(state: np.uint32, pending: np.uint64, length: int) -> np.uint32:
    """Return the hash of everything absorbed."""
    state = np.uint32(state ^ _mix_word(np.uint32(pending)))  # mixing no bytes gives 0
    state = np.uint32(state ^ np.uint32(length))
    state = np.uint32((state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    state = np.uint32((state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(state ^ (state >> np.uint32(16)))


NOTHING = -1
"""The index of a value that has no feature."""

_TABLE_BITS = 30
"""Of 100,000 categories about five pairs share a hash of these, and so their numbers."""

_CROSS_BYTES = np.frombuffer(CROSS.encode(), np.uint8)
_MEMO_SLOTS = 8192  # 96 kB for a pair: fits into the second-level cache


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


def hashes_of_texts(texts: pa.StringArray) -> np.ndarray:
    """Return a hash of each text by which tables have it, (n_texts,) int64."""
    return indices_of_texts("", texts, _TABLE_BITS).astype(np.int64)


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


class IndexSpace:
    """Hashed indices first, then a separate one for each number, and one for each vector's slot.

    If all features are numbers and vectors there are no hashed indices.

    Parameters
    ----------
    features : sequence of Feature
    hash_bits : int
        There are ``2**hash_bits`` hashed indices.
    numbers_apart : bool
        False hashes numbers by their names, as in models published before version 2 of the encoder.

    Attributes
    ----------
    n_hashed, size : int
        The number of hashed indices, and of all.
    names : tuple of str
        Those of the numbers: numeric features, cyclic ones, and those that are looked up.
    numbers : ndarray of int32, shape (n_numbers,)
        The index of each number, in this order.
    vectors : list of int
        The index of the first slot of each vector, in their order; they follow the numbers.
    """

    def __init__(
        self, features: Sequence[Feature], hash_bits: int, *, numbers_apart: bool = True
    ) -> None:
        names = [
            *(feature.name for feature in features if isinstance(feature, Numeric)),
            *(feature.name for feature in features if isinstance(feature, Cyclic)),
            *(feature.name for feature in features if isinstance(feature, Lookup)),
        ]
        slots = [feature.size for feature in features if isinstance(feature, Vector)]
        self.names = tuple(names)
        if numbers_apart:
            self.n_hashed = 0 if len(names) + len(slots) == len(features) else 1 << hash_bits
            ends = accumulate(slots, initial=self.n_hashed + len(names))
            self.numbers = np.arange(self.n_hashed, self.n_hashed + len(names), dtype=np.int32)
            *self.vectors, self.size = ends
        else:
            self.vectors = []
            self.n_hashed = self.size = 1 << hash_bits
            self.numbers = np.array([feature_index(name, hash_bits) for name in names], np.int32)
