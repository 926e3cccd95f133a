"""Parts of a batch: numeric features, and categories with their crosses."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import UnicodeForm
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoding.categorical import Categories, coded
from petafit.features.encoding.csr import room_for_columns
from petafit.features.encoding.hashing import indices_of_crosses
from petafit.features.encoding.lookup import IndexTable
from petafit.features.encoding.numeric import Scaling
from petafit.features.feature import Categorical, Cross, Feature, Numeric
from petafit.features.unicode_form import NormalTexts


class NumericBlock:
    """Scaled values, in the order of the features."""

    def __init__(self, features: Sequence[Feature], statistics: TableStatistics) -> None:
        numerics = [feature for feature in features if isinstance(feature, Numeric)]
        self._columns = [feature.column for feature in numerics]
        self._scalings = [Scaling.of(f, statistics.columns.get(f.column)) for f in numerics]

    def encode(self, batch: pa.RecordBatch, dtype: str) -> np.ndarray:
        """Return values of shape (n_numeric, at least n_rows); NaN where a feature is left out."""
        n_rows = batch.num_rows
        values = room_for_columns(len(self._columns), n_rows, dtype)
        for column, scaling, row in zip(self._columns, self._scalings, values, strict=True):
            scaling.write(batch.column(column), row[:n_rows])
        return values


class CategoryBlock:
    """Indices of categories and of crosses of categories.

    Parameters
    ----------
    features : sequence of Feature
    hash_bits : int
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which the columns' texts are normalized.
    """

    def __init__(
        self, features: Sequence[Feature], hash_bits: int, form: UnicodeForm | None = None
    ) -> None:
        self._hash_bits = hash_bits
        categoricals = dict.fromkeys(f for f in features if isinstance(f, Categorical))
        self._tables = [IndexTable(f"{feature.name}=", hash_bits) for feature in categoricals]
        crosses = [feature for feature in features if isinstance(feature, Cross)]
        self._sources = list(
            dict.fromkeys([*categoricals, *(part for cross in crosses for part in cross.parts)])
        )
        self._normal = [
            NormalTexts(form, source.column) if form and type(source) is Categorical else None
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

    def _coded(self, batch: pa.RecordBatch) -> list[pa.DictionaryArray]:
        found = [coded(source, batch.column(source.column)) for source in self._sources]
        return [
            texts.of(column) if texts else column
            for texts, column in zip(self._normal, found, strict=True)
        ]

    def _crossed(self, prefix: str, parts: Sequence[Categories]) -> np.ndarray:
        codes = np.stack([part.codes for part in parts])
        texts = tuple(part.texts for part in parts)
        return indices_of_crosses(prefix, codes, texts, self._hash_bits)
