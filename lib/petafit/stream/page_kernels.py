"""From the bytes of a Parquet page to numbers and texts.

Kernels trust nothing: they give `DAMAGED` where a page ends early.

References
----------
``Encodings.md`` of the Parquet format: "Run Length Encoding / Bit-Packing Hybrid", "Plain".
"""

import numpy as np

from petafit.compiled import njit

DAMAGED = -1

PADDING = 8
"""How many bytes kernels may read or write beyond what counts, so that they go by words."""


@njit
def read_runs(content: np.ndarray, start: int, stop: int, width: int, out: np.ndarray) -> int:
    """Read numbers that are stored in runs: one repeated, or some packed bit by bit.

    Parameters
    ----------
    content : ndarray of uint8, shape (at least stop + PADDING,)
    width : int
        Bits a number takes, up to 32.
    out : ndarray of uint8 or int32, shape (n,)
        Takes the numbers.

    Returns
    -------
    int
        Where the runs end; `DAMAGED` if that is beyond `stop`.
    """
    n, at, done = out.size, start, 0
    mask = np.uint64((1 << width) - 1)
    while done < n and width > 0:
        header, shift, more = 0, 0, True
        while more:
            if at >= stop or shift > 28:
                return DAMAGED
            header |= np.int64(content[at] & 127) << shift
            more = content[at] >= 128
            shift += 7
            at += 1
        if header & 1:
            count = min((header >> 1) * 8, n - done)
            if count == 0 or at + (count * width + 7) // 8 > stop:
                return DAMAGED
            for i in range(count):
                bit = np.uint64(i * width)
                word = _word(content, np.uint64(at) + (bit >> np.uint64(3)))
                out[done + i] = (word >> (bit & np.uint64(7))) & mask
            at += (header >> 1) * width
        else:
            count = min(header >> 1, n - done)
            size = (width + 7) // 8
            if count == 0 or at + size > stop:
                return DAMAGED
            out[done : done + count] = _word(content, np.uint64(at)) & mask
            at += size
        done += count
    if width == 0:
        out[:] = 0
    return at


@njit
def spread(values: np.ndarray, valid: np.ndarray, out: np.ndarray) -> None:
    """Put values where `valid` is 1, in their order; where it is 0, one of their neighbours."""
    taken, last = 0, values.size - 1
    for i in range(valid.size):
        out[i] = values[min(taken, last)]
        taken += valid[i]


@njit
def split_texts(
    content: np.ndarray, start: int, stop: int, offsets: np.ndarray, out: np.ndarray
) -> int:
    """Separate texts from their lengths, which stand before each, 4 bytes.

    Parameters
    ----------
    content : ndarray of uint8, shape (at least stop + PADDING,)
    offsets : ndarray of int32, shape (n_texts + 1,)
        Takes where each text begins in `out`, and where the last one ends.
    out : ndarray of uint8, shape (at least stop - start + PADDING,)

    Returns
    -------
    int
        How many bytes the texts take; `DAMAGED` if they go beyond `stop`.
    """
    at, end = start, 0
    for i in range(offsets.size - 1):
        offsets[i] = end
        if at + 4 > stop:
            return DAMAGED
        length = np.int64(_word(content, np.uint64(at)) & np.uint64(0xFFFFFFFF))
        at += 4
        if at + length > stop:
            return DAMAGED
        for k in range(0, length, 8):
            _put_word(_word(content, np.uint64(at + k)), out, np.uint64(end + k))
        at += length
        end += length
    offsets[-1] = end
    return end


@njit
def _word(content: np.ndarray, at: np.uint64) -> np.uint64:
    """Eight bytes, the first one lowest: compiled, one instruction."""
    return np.uint64(
        np.uint64(content[at])
        | np.uint64(content[at + np.uint64(1)]) << np.uint64(8)
        | np.uint64(content[at + np.uint64(2)]) << np.uint64(16)
        | np.uint64(content[at + np.uint64(3)]) << np.uint64(24)
        | np.uint64(content[at + np.uint64(4)]) << np.uint64(32)
        | np.uint64(content[at + np.uint64(5)]) << np.uint64(40)
        | np.uint64(content[at + np.uint64(6)]) << np.uint64(48)
        | np.uint64(content[at + np.uint64(7)]) << np.uint64(56)
    )


@njit
def _put_word(word: np.uint64, out: np.ndarray, at: np.uint64) -> None:
    for k in range(8):
        out[at + np.uint64(k)] = word >> np.uint64(8 * k)
