"""Rare texts of a column as one text."""

import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.buffers import place_of
from petafit.features.encoding.hashing import hashes_of_texts
from petafit.features.feature import RARE
from petafit.features.value_table import ValueTable


class GroupedTexts:
    """Replaces rare texts of dictionaries by `RARE`.

    A dictionary at the last one's address is the last one.

    Parameters
    ----------
    table : ValueTable
        Texts that it has are not rare.
    """

    def __init__(self, table: ValueTable) -> None:
        self._table = table
        self._stored = self._grouped = pa.array([], pa.string())

    def of(self, column: pa.DictionaryArray) -> pa.DictionaryArray:
        """Return the same codes, with grouped texts."""
        texts = column.dictionary
        if place_of(texts) != place_of(self._stored):
            kept = self._table.places(hashes_of_texts(texts)) < len(self._table.cells)
            self._stored = texts
            self._grouped = pc.if_else(pa.array(kept), texts, pa.scalar(RARE, pa.string()))
        return pa.DictionaryArray.from_arrays(column.indices, self._grouped, safe=False)
