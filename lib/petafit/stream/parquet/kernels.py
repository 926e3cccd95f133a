"""Decoding of a Parquet page's bytes to validity, dictionary indices and texts.

Kernels trust nothing: they return `DAMAGED` if a page ends early or has invalid content. A part of
a page is given by two positions in its content: its start and its end.

References
----------
``Encodings.md`` of the Parquet format: "Run Length Encoding / Bit-Packing Hybrid", "Plain".
"""

import numpy as np

from petafit.compiled import njit

DAMAGED = -1

PADDING = 8
"""Number of bytes beyond the end that kernels may read or write, so that they can work by words."""

Part = tuple[int, int]


@njit
def read_valid(content: np.ndarray, levels: Part, valid: np.ndarray) -> int:
    """Write 1 for each value and 0 for each null.

    Parameters
    ----------
    content : ndarray of uint8, with PADDING
    levels : (int, int)
        Start and end of the definition levels; both 0 in a column without nulls.
    valid : ndarray of uint8, shape (n_rows,)

    Returns
    -------
    int
        Number of values, or `DAMAGED`.
    """
    valid[:] = 1
    start, stop = levels
    if stop + PADDING > content.size:
        return DAMAGED
    if stop and not _read_runs(content, start, stop, 1, valid):
        return DAMAGED
    n_values = 0
    for i in range(valid.size):
        n_values += valid[i]
    return n_values


@njit
def read_codes(
    content: np.ndarray, values: Part, n_known: int, valid: np.ndarray, codes: np.ndarray
) -> int:
    """Write a dictionary index for each value; for a null, a neighbour's.

    Parameters
    ----------
    content : ndarray of uint8, with PADDING
    n_known : int
        Upper bound of valid indices (exclusive).
    valid : ndarray of uint8, shape (n_rows,)
        From `read_valid`.
    codes : ndarray of int32, shape (n_rows,)

    Returns
    -------
    int
        Number of values, or `DAMAGED`.
    """
    n_values = int(np.count_nonzero(valid))
    start, stop = values
    if (start < stop and content[start] > 32) or (n_values and start >= stop):
        return DAMAGED
    if n_values == 0:
        codes[:] = 0
        return 0
    nulls = codes.size - n_values
    if not _read_runs(content, start + 1, stop, content[start], codes[nulls:]):
        return DAMAGED
    highest = np.uint32(0)
    for i in range(nulls, codes.size):
        highest = max(highest, np.uint32(codes[i]))
    if highest >= n_known:
        return DAMAGED
    if nulls:
        # indices not yet spread lie ahead of the write position
        taken, last = nulls, codes.size - 1
        for i in range(codes.size):
            codes[i] = codes[min(taken, last)]
            taken += valid[i]
    return n_values


@njit
def split_texts(content: np.ndarray, values: Part, offsets: np.ndarray, out: np.ndarray) -> int:
    """Separate texts from their 4-byte length prefixes.

    Parameters
    ----------
    content : ndarray of uint8, with PADDING
    offsets : ndarray of int32, shape (n_texts + 1,)
        Receives the start of each text in `out`, and the end of the last one.
    out : ndarray of uint8, as long as the values, with PADDING

    Returns
    -------
    int
        Total length of the texts in bytes, or `DAMAGED`.
    """
    at, stop, end = np.uint64(values[0]), np.uint64(values[1]), np.uint64(0)
    for i in range(offsets.size - 1):
        offsets[i] = end
        if at + np.uint64(4) > stop:
            return DAMAGED
        length = _word(content, at) & np.uint64(0xFFFFFFFF)
        at += np.uint64(4)
        if at + length > stop:
            return DAMAGED
        done = np.uint64(0)
        while done < length:
            _put_word(_word(content, at + done), out, end + done)
            done += np.uint64(8)
        at += length
        end += length
    offsets[-1] = end
    return int(end)


@njit
def _read_runs(content: np.ndarray, at: int, stop: int, width: int, out: np.ndarray) -> bool:
    """Read numbers in the RLE and bit-packing hybrid encoding.

    Parameters
    ----------
    width : int
        Bits of a number, up to 32.
    out : ndarray of uint8 or int32, shape (n,)

    Returns
    -------
    bool
        False if there are fewer numbers, or one takes more bits.
    """
    mask = np.uint64((1 << width) - 1)
    done = 0
    while done < out.size:
        header, shift, more = 0, 0, True
        while more:
            if at >= stop or shift > 28:
                return False
            header |= (content[at] & 127) << shift
            more = content[at] >= 128
            shift += 7
            at += 1
        is_packed, length = header & 1, header >> 1
        count = min(length * 8 if is_packed else length, out.size - done)
        size = ((count if is_packed else 1) * width + 7) // 8
        if count == 0 or at + size > stop or header >> 32:
            return False
        if is_packed:
            # the last group of eight may be truncated
            if width and at + (length - 1) * width >= stop:
                return False
            for i in range(count):
                bit = np.uint64(i * width)
                word = _word(content, np.uint64(at) + (bit >> np.uint64(3)))
                out[done + i] = (word >> (bit & np.uint64(7))) & mask
            at += length * width
        else:
            past = np.uint64(1) << np.uint64(8 * size)
            number = _word(content, np.uint64(at)) & (past - np.uint64(1))
            if number > mask:
                return False
            out[done : done + count] = number
            at += size
        done += count
    return True


@njit
def _word(content: np.ndarray, at: np.uint64) -> np.uint64:
    """Read eight bytes, little-endian: compiled to one instruction."""
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
