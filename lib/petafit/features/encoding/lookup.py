"""Numbers that are looked up by category, and the hashes of categories by which they are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.features.buffers import place_of
from petafit.features.encoding.categorical import coded
from petafit.features.encoding.csr import room_for_columns
from petafit.features.encoding.hashing import NOTHING, hashes_of_texts
from petafit.features.feature import Categorical, Feature, Lookup
from petafit.features.unicode_form import NormalTexts
from petafit.features.value_table import FOLDS, ValueTable
from petafit.table.filters.split import key_hashes


class HashedCategories:
    """The hash of each category of a column's batches.

    Parameters
    ----------
    column : str
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which texts are normalized.
    """

    def __init__(self, column: str, form: UnicodeForm | None = None) -> None:
        self._category = Categorical(column)
        self._normal = NormalTexts(form, column) if form else None

    def of(self, column: pa.Array) -> tuple[np.ndarray, pa.StringArray]:
        """Return the code of each row's text, that beyond the last for null, and the texts."""
        found = coded(self._category, column)
        found = self._normal.of(found) if self._normal else found
        codes = pc.fill_null(found.indices, len(found.dictionary))
        return codes.to_numpy(zero_copy_only=False), found.dictionary

    def hashes(self, column: pa.Array) -> np.ndarray:
        """Return the hash of each row's category, (n_rows,) int64; `NOTHING` for null."""
        codes, texts = self.of(column)
        return np.append(hashes_of_texts(texts), NOTHING)[codes]


def row_folds(batch: pa.RecordBatch, keys: Sequence[str]) -> np.ndarray:
    """Return the fold of each row, which follows from its keys, (n_rows,) int64."""
    return (key_hashes(batch, keys) % np.uint64(FOLDS)).astype(np.int64)


class LookupBlock:
    """Numbers that are looked up, in the order of the features.

    Parameters
    ----------
    features : sequence of Feature
    tables : mapping of str to ValueTable
        By the features' names.
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which texts are normalized.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        tables: Mapping[str, ValueTable],
        form: UnicodeForm | None = None,
    ) -> None:
        lookups = [feature for feature in features if isinstance(feature, Lookup)]
        self._columns = [
            _LookupColumn(HashedCategories(feature.column, form), tables[feature.name])
            for feature in lookups
        ]
        self.has_folds = any(tables[f.name].folds is not None for f in lookups)
        self._names = [feature.column for feature in lookups]

    def encode(self, batch: pa.RecordBatch, dtype: str, folds_by: Sequence[str]) -> np.ndarray:
        """Return values of shape (n_lookups, at least n_rows); NaN where the category is null.

        Parameters
        ----------
        folds_by : sequence of str
            The keys of training rows, whose means leave their own fold out; empty for other rows.
        """
        values = room_for_columns(len(self._columns), batch.num_rows, dtype)
        folds = row_folds(batch, folds_by) if folds_by and self._columns else None
        for name, column, row in zip(self._names, self._columns, values, strict=True):
            row[: batch.num_rows] = column.values(batch.column(name), folds)
        return values


class _LookupColumn:
    """Looks up each distinct text once; a dictionary at the last one's address is the last one."""

    def __init__(self, categories: HashedCategories, table: ValueTable) -> None:
        self._categories, self._table = categories, table
        self._texts, self._places = pa.array([], pa.string()), np.zeros(0, np.int64)
        self._values = np.append(table.values, np.nan)

    def values(self, column: pa.Array, folds: np.ndarray | None) -> np.ndarray:
        codes, texts = self._categories.of(column)
        if place_of(texts) != place_of(self._texts) or not len(self._places):
            nothing = len(self._values) - 1
            self._places = np.append(self._table.places(hashes_of_texts(texts)), nothing)
            self._texts = texts
        places = self._places[codes]
        if folds is None or self._table.folds is None:
            return self._values[places]
        known = places < len(self._values) - 1
        out_of_fold = self._table.folds[folds, np.where(known, places, 0)]
        return np.where(known, out_of_fold, np.nan)
