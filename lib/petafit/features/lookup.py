"""From the codes of a category to feature indices: each distinct text is hashed once."""

import numpy as np
import pyarrow as pa

from petafit.features.categorical import Categories
from petafit.features.hashing import NOTHING, indices_of_texts

_NO_TEXTS = pa.array([], pa.string())


class IndexTable:
    """The index of every text of a dictionary.

    Batches of a Parquet file bring their dictionaries along: mostly the same one, or the same
    with more values at its end. Only values that are new are hashed. The known ones are compared
    by content, so that a buffer used again can never be taken for another.

    Parameters
    ----------
    prefix : str
        What is hashed before each text: ``column=``.
    hash_bits : int
    """

    def __init__(self, prefix: str, hash_bits: int) -> None:
        self._prefix = prefix
        self._hash_bits = hash_bits
        self._known = _NO_TEXTS, np.array([NOTHING], np.int32)

    def write(self, categories: Categories, out: np.ndarray) -> None:
        """Write the index of each row's category, `NOTHING` for null, to `out`, (n_rows,) int32."""
        # the table ends with NOTHING: where the code of null, -1, points
        self._table(categories.texts).take(categories.codes, out=out)

    def _table(self, texts: pa.StringArray) -> np.ndarray:
        known, table = self._known
        shared = min(len(known), len(texts))
        if not texts.slice(0, shared).equals(known.slice(0, shared)):
            known, table = _NO_TEXTS, table[-1:]
        if len(texts) > len(known):
            new = indices_of_texts(self._prefix, texts.slice(len(known)), self._hash_bits)
            known, table = texts, np.concatenate([table[:-1], new, table[-1:]])
        self._known = known, table
        return table
