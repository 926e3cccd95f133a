"""Incremental MurmurHash3_x86_32, so that hashed texts need not be concatenated.

References
----------
Austin Appleby, MurmurHash3.cpp (public domain), function ``MurmurHash3_x86_32``.
"""

import numpy as np

from petafit.compiled import njit

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
