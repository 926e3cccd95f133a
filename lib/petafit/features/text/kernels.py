"""N-gram counts of texts: each index once a text, by a small hash table without sorting."""

import numpy as np

from petafit.compiled import njit
from petafit.features.encoding.murmur3 import SEED, absorb
from petafit.features.text.char_grams import hash_chars
from petafit.features.text.word_grams import hash_words

_FEWEST_SLOTS = 64
_SLOTS_PER_GRAM = 8  # fewer collisions: 2 takes 1.6 times as long


@njit
def count_grams(
    prefix: np.ndarray,
    offsets: np.ndarray,
    content: np.ndarray,
    of_words: bool,
    shortest: int,
    longest: int,
    mask: np.uint32,
    is_normed: bool,
    ends: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
) -> None:
    """Count the n-grams of each text by their indices.

    Parameters
    ----------
    prefix : ndarray of uint8
        Text hashed before each n-gram.
    offsets, content : ndarray of int32, shape (n_texts + 1,), and of uint8
        The texts in UTF-8, as Arrow has them.
    mask : uint32
        Selects the bits of a hash that form the index.
    is_normed : bool
        Scale the values of a text to a Euclidean length of 1.
    ends : ndarray of int64, shape (n_texts + 1,)
        End of each text's entries, after a 0.
    indices, values : ndarray of int32 and float32
        Large enough for all n-grams, including repeated ones.
    """
    begun = absorb(SEED, np.uint64(0), 0, prefix, 0, prefix.size)
    longest_text = np.max(offsets[1:] - offsets[:-1]) if offsets.size > 1 else 0
    hashes = np.empty(longest_text * (longest - shortest + 1), np.uint32)
    left, right = np.empty(longest_text + 1, np.uint32), np.empty(longest_text + 1, np.uint32)
    slots = np.full(_slots_for(hashes.size, mask), -1, np.int64)
    ends[0] = 0
    for i in range(offsets.size - 1):
        text = content[offsets[i] : offsets[i + 1]]
        if of_words:
            count = hash_words(text, begun, shortest, longest, left, right, hashes)
        else:
            count = hash_chars(text, begun, shortest, longest, left, right, hashes)
        first = ends[i]
        used = slots[: _slots_for(count, mask)]
        ends[i + 1] = _add_up(hashes[:count], mask, first, used, indices, values)
        if is_normed:
            _normalise(values[first : ends[i + 1]])


@njit
def _slots_for(grams: int, mask: np.uint32) -> int:
    """Return a power of two with spare slots for the largest number of distinct indices."""
    different = min(np.int64(grams), np.int64(mask) + 1)
    slots = _FEWEST_SLOTS
    while slots < _SLOTS_PER_GRAM * different:
        slots *= 2
    return slots


@njit
def _add_up(
    hashes: np.ndarray,
    mask: np.uint32,
    first: int,
    slots: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
) -> int:
    """Append the distinct indices with their counts; return their end.

    A slot holds the position of an index. Entries of earlier texts lie before `first`, so the table
    need not be cleared.
    """
    slot_mask = np.uint64(slots.size - 1)
    end = first
    for hashed in hashes:
        index = np.int32(hashed & mask)
        slot = np.uint64(index) & slot_mask
        while slots[slot] >= first and indices[slots[slot]] != index:
            slot = (slot + np.uint64(1)) & slot_mask
        at = slots[slot]
        if at >= first:
            values[at] += np.float32(1)
        else:
            slots[slot] = end
            indices[end], values[end] = index, np.float32(1)
            end += 1
    return end


@njit
def _normalise(values: np.ndarray) -> None:
    squares = np.float32(0)
    for value in values:
        squares += value * value
    if squares > 0:
        values *= np.float32(1) / np.sqrt(squares)
