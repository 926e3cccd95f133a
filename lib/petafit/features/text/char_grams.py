"""Hashes of a text's character n-grams: runs of Unicode code points, spaces included."""

import numpy as np

from petafit.compiled import njit
from petafit.features.encoding.hashing import finish, mix

Begun = tuple[np.uint32, np.uint64, int]
"""The hash's state after the prefix: mixed words, pending bytes, and the length so far."""


@njit
def hash_chars(
    text: np.ndarray,
    begun: Begun,
    shortest: int,
    longest: int,
    words: np.ndarray,
    states: np.ndarray,
    hashes: np.ndarray,
) -> int:
    """Write the hash of the prefix and each n-gram; return how many there are.

    Parameters
    ----------
    text : ndarray of uint8
        UTF-8.
    words, states : ndarray of uint32, shape (len(text) + 1,) or longer
        Scratch.
    hashes : ndarray of uint32, shape (len(text) * (longest - shortest + 1),) or longer
    """
    if _is_ascii(text):
        return _hash_ascii(text, begun, shortest, longest, words, states, hashes)
    return _hash_utf8(text, begun, shortest, longest, hashes)


@njit
def _is_ascii(text: np.ndarray) -> bool:
    bits = np.uint8(0)
    for byte in text:
        bits |= byte
    return bool(bits < 0x80)


@njit
def _hash_utf8(
    text: np.ndarray, begun: Begun, shortest: int, longest: int, hashes: np.ndarray
) -> int:
    """Hash position by position; n-grams that start at the same one share their mixing."""
    start, count = 0, 0
    while start < text.size:
        state, pending, length = begun
        at, size, second = start, 0, text.size
        while at < text.size and size < longest:
            while True:
                pending |= np.uint64(text[at]) << np.uint64(8 * (length & 3))
                length += 1
                if length & 3 == 0:
                    state, pending = mix(state, np.uint32(pending)), np.uint64(0)
                at += 1
                if at == text.size or text[at] & 0xC0 != 0x80:
                    break
            if size == 0:
                second = at
            size += 1
            if size >= shortest:
                hashes[count] = finish(state, pending, length)
                count += 1
        start = second
    return count


@njit
def _hash_ascii(
    text: np.ndarray,
    begun: Begun,
    shortest: int,
    longest: int,
    words: np.ndarray,
    states: np.ndarray,
    hashes: np.ndarray,
) -> int:
    """Hash size by size, at all positions at once, in branch-free loops that are vectorised.

    `taken` bytes of each n-gram are mixed; the next word starts with the prefix's `waiting` bytes.
    """
    state, pending, length = begun
    waiting, taken = np.uint32(pending), 0
    shift = np.uint32(8 * (length & 3))
    _read_words(text, words)
    states[: text.size] = state
    count = 0
    for size in range(1, min(longest, text.size) + 1):
        starts = text.size - size + 1
        if 8 * (size - taken) + shift == 32:
            _mix_all(states[:starts], words[taken : taken + starts], shift, waiting)
            taken, shift, waiting = size, np.uint32(0), np.uint32(0)
        if size >= shortest:
            kept = np.uint32((1 << 8 * (size - taken)) - 1)
            found = hashes[count : count + starts]
            _finish_all(
                states, words[taken : taken + starts], kept, shift, waiting, length + size, found
            )
            count += starts
    return count


@njit
def _read_words(text: np.ndarray, words: np.ndarray) -> None:
    """Read the four bytes from each position on as a word; zeros follow the text."""
    whole = max(text.size - 3, 0)
    for i in range(whole):
        words[i] = (
            np.uint32(text[i])
            | np.uint32(text[i + 1]) << np.uint32(8)
            | np.uint32(text[i + 2]) << np.uint32(16)
            | np.uint32(text[i + 3]) << np.uint32(24)
        )
    word = np.uint32(0)
    words[text.size] = word
    for i in range(text.size - 1, whole - 1, -1):
        word = word << np.uint32(8) | np.uint32(text[i])
        words[i] = word


@njit
def _mix_all(states: np.ndarray, words: np.ndarray, shift: np.uint32, waiting: np.uint32) -> None:
    for i in range(states.size):
        states[i] = mix(states[i], words[i] << shift | waiting)


@njit
def _finish_all(
    states: np.ndarray,
    words: np.ndarray,
    kept: np.uint32,
    shift: np.uint32,
    waiting: np.uint32,
    length: int,
    hashes: np.ndarray,
) -> None:
    for i in range(hashes.size):
        hashes[i] = finish(states[i], np.uint64((words[i] & kept) << shift | waiting), length)
