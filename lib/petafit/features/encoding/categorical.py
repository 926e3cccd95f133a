"""Categories of a batch: codes into texts, their hashed indices, and crosses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.compiled import njit
from petafit.config.feature_groups import UnicodeForm
from petafit.features.buffers import place_of, slots_of, valid_bit
from petafit.features.columns import is_string
from petafit.features.encoding.csr import room_for_columns
from petafit.features.encoding.hashing import NOTHING, indices_of_crosses, indices_of_texts
from petafit.features.encoding.numeric import bin_codes, bin_names, numbers
from petafit.features.encoding.rare import GroupedTexts
from petafit.features.feature import (
    CROSS,
    Binned,
    Categorical,
    Cross,
    DatePart,
    Feature,
    Frequent,
    Indicator,
)
from petafit.features.unicode_form import NormalTexts
from petafit.features.value_table import ValueTable
from petafit.stream.batches import one_code_a_row
from petafit.table.columns import STRINGS

NULL = -1

_TRUE = pa.array(["true"])


@dataclass(frozen=True, slots=True)
class Categories:
    """The category of each row.

    Attributes
    ----------
    codes : ndarray of int32, shape (n_rows,)
        Positions in `texts`; `NULL` for no category.
    texts : pyarrow.StringArray
        Not null at any position that a code refers to.
    """

    codes: np.ndarray
    texts: pa.StringArray

    @classmethod
    def of(cls, column: pa.DictionaryArray) -> "Categories":
        """Convert a column in the form that `coded` returns."""
        return cls(column.indices.fill_null(NULL).to_numpy(), column.dictionary)


def coded(feature: Categorical, column: pa.Array) -> pa.DictionaryArray:
    """Return the categories as dictionary<int32, string>, shape (n_rows,); null is no category.

    The column's type must fit the feature (`petafit.features.columns.check_columns`). No code
    refers to a null of the dictionary; a text may occur in it more than once. Columns that are such
    dictionaries already are returned unchanged.
    """
    match feature:
        case _ if column.type == STRINGS and column.dictionary.null_count == 0:
            return column
        case Binned():
            return _dictionary(pa.array(bin_codes(feature, column)), bin_names(feature))
        case Indicator():
            missing = np.isnan(numbers(column))
            return _dictionary(pa.array(np.zeros(len(column), np.int32), mask=~missing), _TRUE)
        case _ if column.null_count == len(column):
            return pa.nulls(len(column), STRINGS)
        case DatePart():
            return _distinct(date_part(feature, column))
        case _ if pa.types.is_dictionary(column.type) and column.dictionary.null_count == 0:
            return column.cast(STRINGS)
        case _ if pa.types.is_dictionary(column.type):
            return one_code_a_row(column.dictionary.cast(pa.string()).take(column.indices))
        case _ if is_string(column.type):
            return one_code_a_row(column.cast(pa.string()))
        case _:
            return _distinct(column)


def _distinct(column: pa.Array) -> pa.DictionaryArray:
    """Encode integers and booleans, converting only distinct values to text."""
    encoded = column.dictionary_encode()
    return _dictionary(encoded.indices, encoded.dictionary.cast(pa.string()))


def _dictionary(codes: pa.Int32Array, texts: pa.StringArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes, texts, safe=False)


_PARTS = {
    "year": pc.year,
    "month": pc.month,
    "day": pc.day,
    "day_of_week": pc.day_of_week,
    "hour": pc.hour,
    "minute": pc.minute,
}


def date_part(feature: DatePart, column: pa.Array) -> pa.Array:
    """Return a part of dates or timestamps in UTC as integers, shape (n_rows,)."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # Arrow would return the parts of local time, and need a time zone database.
        column = column.cast(pa.int64()).cast(pa.timestamp(kind.unit))
    return _PARTS[feature.part](column)


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


class CategoryBlock:
    """Indices of categories and of crosses of categories.

    Parameters
    ----------
    features : sequence of Feature
    hash_bits : int
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which the columns' texts are normalized.
    tables : mapping of str to ValueTable
        The values that are not rare, by the names of features that group rare ones.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        hash_bits: int,
        form: UnicodeForm | None = None,
        tables: Mapping[str, ValueTable] = MappingProxyType({}),
    ) -> None:
        self._hash_bits = hash_bits
        categoricals = dict.fromkeys(f for f in features if isinstance(f, Categorical))
        self._tables = [IndexTable(f"{feature.name}=", hash_bits) for feature in categoricals]
        crosses = [feature for feature in features if isinstance(feature, Cross)]
        self._sources = list(
            dict.fromkeys([*categoricals, *(part for cross in crosses for part in cross.parts)])
        )
        self._normal = [
            NormalTexts(form, source.column)
            if form and type(source) in (Categorical, Frequent)
            else None
            for source in self._sources
        ]
        self._grouped = [
            GroupedTexts(tables[source.name]) if isinstance(source, Frequent) else None
            for source in self._sources
        ]
        self._crosses = [
            (f"{cross.name}=", [self._sources.index(part) for part in cross.parts])
            for cross in crosses
        ]

    def encode(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return indices of shape (n_categories, at least n_rows), int32; `NOTHING` for null."""
        n_rows = batch.num_rows
        found = self._coded(batch)
        indices = room_for_columns(len(self._tables) + len(self._crosses), n_rows, np.int32)
        rows = iter(indices[:, :n_rows])
        for table, column in zip(self._tables, found, strict=False):
            table.write(column, next(rows))
        for prefix, places in self._crosses:
            next(rows)[:] = self._crossed(prefix, [Categories.of(found[at]) for at in places])
        return indices

    def named(self, batch: pa.RecordBatch, wanted: np.ndarray) -> Iterator[tuple[int, str]]:
        """Yield the wanted indices that occur in a batch, each with a text that was hashed to it.

        Parameters
        ----------
        wanted : ndarray of int
        """
        found = self._coded(batch)
        for source, column in zip(self._sources[: len(self._tables)], found, strict=False):
            texts = column.dictionary.filter(pc.is_valid(column.dictionary))
            indices = indices_of_texts(f"{source.name}=", texts, self._hash_bits)
            for at in np.flatnonzero(np.isin(indices, wanted)):
                yield int(indices[at]), f"{source.name}={texts[at]}"
        for prefix, places in self._crosses:
            parts = [Categories.of(found[at]) for at in places]
            rows = np.flatnonzero(np.isin(self._crossed(prefix, parts), wanted))
            codes = np.unique(np.stack([part.codes[rows] for part in parts]), axis=1)
            known = [Categories(own, part.texts) for own, part in zip(codes, parts, strict=True)]
            for row, index in enumerate(self._crossed(prefix, known).tolist()):
                named = (str(part.texts[part.codes[row]]) for part in known)
                yield index, prefix + CROSS.join(named)

    def _coded(self, batch: pa.RecordBatch) -> list[pa.DictionaryArray]:
        found = [coded(source, batch.column(source.column)) for source in self._sources]
        for texts in (self._normal, self._grouped):
            pairs = zip(texts, found, strict=True)
            found = [each.of(column) if each else column for each, column in pairs]
        return found

    def _crossed(self, prefix: str, parts: Sequence[Categories]) -> np.ndarray:
        codes = np.stack([part.codes for part in parts])
        texts = tuple(part.texts for part in parts)
        return indices_of_crosses(prefix, codes, texts, self._hash_bits)
