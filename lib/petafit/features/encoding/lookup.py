"""Mapping of category codes to feature indices: each distinct text is hashed once."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from petafit.compiled import njit
from petafit.features.buffers import place_of, slots_of, valid_bit
from petafit.features.encoding.hashing import NOTHING, indices_of_texts


class _Known(NamedTuple):
    """Texts whose indices are known, and their location in memory.

    Attributes
    ----------
    table : ndarray of int32, shape (len(texts) + 1,)
        The index of each text; then `NOTHING`, for codes without text.
    """

    texts: pa.StringArray
    place: tuple[int, ...]
    table: np.ndarray


class IndexTable:
    """The index of every text of a dictionary.

    Batches of a Parquet file come with dictionaries, mostly the same one, or the same with more
    values at its end. Only new values are hashed. A dictionary at the last one's address is the
    last one, which is referenced so that its memory is not reused; any other is compared by
    content.

    Parameters
    ----------
    prefix : str
        Text hashed before each value: ``column=``.
    hash_bits : int
    """

    def __init__(self, prefix: str, hash_bits: int) -> None:
        self._prefix = prefix
        self._hash_bits = hash_bits
        self._known = _Known(pa.array([], pa.string()), (), np.array([NOTHING], np.int32))

    def write(self, column: pa.DictionaryArray, out: np.ndarray) -> None:
        """Write the index of each row's text, `NOTHING` for null, to `out`, (n_rows,) int32."""
        _look_up(*slots_of(column.indices), self._table(column.dictionary), out)

    def _table(self, texts: pa.StringArray) -> np.ndarray:
        place = place_of(texts)
        if place != self._known.place:
            self._known = _Known(texts, place, self._indices(texts))
        return self._known.table

    def _indices(self, texts: pa.StringArray) -> np.ndarray:
        known, _, table = self._known
        shared = min(len(known), len(texts))
        if not texts.slice(0, shared).equals(known.slice(0, shared)):
            shared = 0
        new = indices_of_texts(self._prefix, texts.slice(shared), self._hash_bits)
        return np.concatenate([table[:shared], new, table[-1:]])


@njit
def _look_up(
    codes: np.ndarray, validity: np.ndarray, first: int, table: np.ndarray, out: np.ndarray
) -> None:
    """Look up indices by codes; nulls, and codes beyond the table, give `NOTHING`: all bits set."""
    last = np.uint32(table.size - 1)
    for i in range(out.size):
        out[i] = table[min(np.uint32(codes[i]), last)]
    if validity.size:  # branch-free, since branches would often be mispredicted
        for i in range(out.size):
            out[i] |= np.int32(valid_bit(validity, first + i)) - np.int32(1)
