"""Text features of a batch: n-gram counts directly from Arrow's buffers."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.compiled import njit
from petafit.config.feature_groups import UnicodeForm
from petafit.features.buffers import buffers_of, bytes_of, pooled
from petafit.features.encoding.categorical import NULL, coded
from petafit.features.encoding.csr import Ragged, gathered
from petafit.features.encoding.hashing import SEED, absorb, index_mask
from petafit.features.feature import Categorical, Feature, Text
from petafit.features.text.hashing import hash_chars, hash_words
from petafit.features.unicode_form import normalized, not_utf8


class TextBlock:
    """Counts of n-grams; within a feature and row, each index occurs once.

    Parameters
    ----------
    features : sequence of Feature
        Only text features are used.
    hash_bits : int
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which texts are normalized first.
    """

    def __init__(
        self, features: Sequence[Feature], hash_bits: int, form: UnicodeForm | None = None
    ) -> None:
        self._features = [feature for feature in features if isinstance(feature, Text)]
        self._mask = index_mask(hash_bits)
        self._form = form

    def encode(self, batch: pa.RecordBatch) -> Ragged | None:
        """Return the n-grams of all text features, by feature within a row; None without any.

        Null and empty texts have no n-grams.

        Raises
        ------
        ContractError
            A text is not UTF-8.
        """
        if not self._features:
            return None
        sources = dict.fromkeys((f.column, f.lowercase) for f in self._features)
        found = {source: self._texts(batch.column(source[0]), *source) for source in sources}
        parts = []
        for feature in self._features:
            codes, texts = found[feature.column, feature.lowercase]
            parts.append((self._counted(feature, texts), codes))
        counted, rows = parts[0]
        if len(parts) == 1 and np.array_equal(rows, np.arange(len(counted.offsets) - 1)):
            return counted
        return gathered(parts)

    def _counted(self, feature: Text, texts: pa.StringArray) -> Ragged:
        """Count the n-grams of each text."""
        shortest, longest = feature.ngrams
        offsets, content = buffers_of(texts)
        most = int(offsets[-1] - offsets[0]) * (longest - shortest + 1)
        ends = np.empty(len(texts) + 1, np.int64)
        indices, values = pooled(most, np.int32), pooled(most, np.float32)
        count_grams(
            bytes_of(f"{feature.name}="),
            offsets,
            content,
            feature.analyzer == "word",
            shortest,
            longest,
            self._mask,
            feature.norm == "l2",
            ends,
            indices,
            values,
        )
        return Ragged(ends, indices[: ends[-1]], values[: ends[-1]])

    def _texts(
        self, column: pa.Array, name: str, lowercase: bool
    ) -> tuple[np.ndarray, pa.StringArray]:
        """Return each row's position in the texts, `NULL` for none, and the texts.

        A batch's dictionary may hold the texts of many other batches: only the used ones are kept,
        and each text is tokenised and counted once a batch.
        """
        found = coded(Categorical(name), column)
        codes, texts = found.indices, found.dictionary
        if len(texts) > len(codes):
            used = codes.dictionary_encode()
            codes, texts = used.indices, texts.take(used.dictionary)
        if self._form:
            texts = normalized(texts, self._form, name)
        return codes.fill_null(NULL).to_numpy(), _lowered(texts, name) if lowercase else texts


def _lowered(texts: pa.StringArray, name: str) -> pa.StringArray:
    try:
        return pc.utf8_lower(texts)
    except pa.ArrowInvalid as error:
        raise not_utf8(name) from error


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
