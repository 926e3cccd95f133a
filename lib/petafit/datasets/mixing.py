"""Integers mixed into other integers, into hexadecimal text and into normal numbers."""

import numpy as np
import pyarrow as pa

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HEX4 = np.frombuffer("".join(f"{i:04x}" for i in range(1 << 16)).encode(), dtype=np.uint32)

# The mean and the deviation of the sum of four uniform 16-bit integers.
_SUM_MEAN = 2.0 * 65535
_SUM_DEVIATION = float(np.sqrt(4 * (65536.0**2 - 1) / 12))


def splitmix64(keys: np.ndarray) -> np.ndarray:
    """Apply Steele, Lea and Flood's finaliser: one 64-bit integer from another, (n,) uint64.

    Examples
    --------
    >>> hex(splitmix64(np.zeros(1, dtype=np.uint64))[0])
    '0xe220a8397b1dcdaf'
    """
    mixed = keys + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def permute32(keys: np.ndarray) -> np.ndarray:
    """Apply Murmur3's finaliser, a permutation of 32-bit integers: keys stay distinct."""
    mixed = keys.astype(np.uint32)
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return mixed ^ (mixed >> np.uint32(16))


def normals(keys: np.ndarray, *, stream: int) -> np.ndarray:
    """Return a standard normal number for each key, (n,) float64; another one in every stream.

    The sum of four uniform numbers (Irwin and Hall) is near enough to a normal one, and needs no
    logarithm.
    """
    start = splitmix64(np.array([stream], dtype=np.uint64))
    bits = splitmix64(keys ^ start)
    parts = bits.view(np.uint16).reshape(-1, 4)
    return np.asarray((parts.sum(axis=1, dtype=np.int64) - _SUM_MEAN) / _SUM_DEVIATION)


def hexadecimal(values: np.ndarray) -> pa.StringArray:
    """Format each 32-bit integer as eight hexadecimal digits.

    Examples
    --------
    >>> hexadecimal(np.array([0, 48879], dtype=np.uint32)).to_pylist()
    ['00000000', '0000beef']
    """
    letters = np.empty((len(values), 2), dtype=np.uint32)
    letters[:, 0] = _HEX4[values >> np.uint32(16)]
    letters[:, 1] = _HEX4[values & np.uint32(0xFFFF)]
    offsets = np.arange(0, 8 * len(values) + 1, 8, dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(letters))
