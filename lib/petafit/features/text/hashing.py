"""Hashes of a text's n-grams: runs of code points, spaces included, or words joined by one space.

A word is a maximal run of word characters: ASCII's letters, digits and underscore, and every other
code point that is not in `SEPARATORS`.
"""

import numpy as np

from petafit.compiled import njit
from petafit.features.encoding.hashing import absorb, finish, mix

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


SEPARATORS = (
    *((0x00, 0x2F), (0x3A, 0x40), (0x5B, 0x5E), (0x60, 0x60), (0x7B, 0x7F)),  # ASCII
    *((0x80, 0xA9), (0xAB, 0xB4), (0xB6, 0xB9), (0xBB, 0xBF)),  # Latin-1: all but ª, µ and º
    *((0xD7, 0xD7), (0xF7, 0xF7)),  # times, division
    *((0x37E, 0x37E), (0x387, 0x387), (0x55A, 0x55F), (0x589, 0x58A)),  # Greek, Armenian
    *((0x5BE, 0x5BE), (0x5C0, 0x5C0), (0x5C3, 0x5C3), (0x5F3, 0x5F4)),  # Hebrew
    *((0x60C, 0x60D), (0x61B, 0x61B), (0x61D, 0x61F), (0x66A, 0x66D), (0x6D4, 0x6D4)),  # Arabic
    *((0x964, 0x965), (0x970, 0x970), (0xE4F, 0xE4F), (0xE5A, 0xE5B)),  # Devanagari, Thai
    *((0x104A, 0x104F), (0x1361, 0x1368), (0x1680, 0x1680)),  # Myanmar, Ethiopic, Ogham
    *((0x17D4, 0x17D6), (0x1800, 0x180A)),  # Khmer, Mongolian
    *((0x2000, 0x200B), (0x200E, 0x206F)),  # spaces and punctuation, but for the two joiners
    *((0x20A0, 0x20CF), (0x2190, 0x22FF)),  # currencies, arrows, operators
    *((0x2E00, 0x2E2E), (0x2E30, 0x2E7F)),  # supplemental punctuation
    *((0x3000, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030), (0x303D, 0x303D)),  # CJK
    *((0x30A0, 0x30A0), (0x30FB, 0x30FB)),  # Katakana
    *((0xFE10, 0xFE1F), (0xFE30, 0xFE6F), (0xFEFF, 0xFEFF)),  # vertical and small forms
    *((0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF65)),  # full width
)
"""First and last code point of each range that separates words, in ascending order.

Spaces, control characters and the punctuation of scripts in wide use. It is a fixed list, since
Unicode's own tables change with Python's version, and so would the features of a stored model.
"""

_ASCII = 0x80
_BORDERS = np.array([border for a, b in SEPARATORS for border in (a, b + 1)], np.int32)
_SEPARATES_ASCII = np.array([any(a <= i <= b for a, b in SEPARATORS) for i in range(_ASCII)])
_SPACE = np.frombuffer(b" ", np.uint8)


@njit
def hash_words(
    text: np.ndarray,
    begun: Begun,
    shortest: int,
    longest: int,
    starts: np.ndarray,
    stops: np.ndarray,
    hashes: np.ndarray,
) -> int:
    """Write the hash of the prefix and each n-gram; return how many there are.

    Parameters
    ----------
    text : ndarray of uint8
        UTF-8.
    starts, stops : ndarray of uint32, shape (len(text) + 1,) or longer
        Scratch.
    hashes : ndarray of uint32, shape (len(text) * (longest - shortest + 1),) or longer
    """
    n_words = _find_words(text, starts, stops)
    count = 0
    for first in range(n_words):
        state, pending, length = begun
        for word in range(first, min(first + longest, n_words)):
            if word > first:
                state, pending, length = absorb(state, pending, length, _SPACE, 0, 1)
            state, pending, length = absorb(state, pending, length, text, starts[word], stops[word])
            if word - first + 1 >= shortest:
                hashes[count] = finish(state, pending, length)
                count += 1
    return count


@njit
def _find_words(text: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> int:
    """Write the bounds of words; return how many there are."""
    found, inside, at = 0, False, 0
    while at < text.size:
        code, width = _code_point(text, at)
        if _is_separator(code) == inside:
            if inside:
                stops[found] = at
                found += 1
            else:
                starts[found] = at
            inside = not inside
        at += width
    if inside:
        stops[found] = text.size
        found += 1
    return found


@njit
def _code_point(text: np.ndarray, at: int) -> tuple[np.int64, int]:
    """Decode the code point at a position; return it and its size. Truncated bytes are zeros."""
    lead = np.int64(text[at])
    if lead < 0xC0:
        return lead, 1
    width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    code = lead & (0x7F >> width)
    for i in range(at + 1, at + width):
        code = code << 6 | (np.int64(text[i]) & 0x3F if i < text.size else 0)
    return code, width


@njit
def _is_separator(code: np.int64) -> bool:
    """Return whether an odd number of bounds lies at or below a code point."""
    if code < _ASCII:
        return _SEPARATES_ASCII[code]
    low, high = 0, _BORDERS.size
    while low < high:
        middle = (low + high) // 2
        if _BORDERS[middle] <= code:
            low = middle + 1
        else:
            high = middle
    return low % 2 == 1
