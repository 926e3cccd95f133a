"""The parts of a batch: numeric features, and categories with their crosses."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from petafit.features.categorical import categories
from petafit.features.facts import Facts
from petafit.features.feature import Categorical, Cross, Feature, Numeric
from petafit.features.hashing import feature_index, indices_of_crosses
from petafit.features.lookup import IndexTable
from petafit.features.numeric import Scaling, raw_values


class NumericBlock:
    """Scaled values.

    Attributes
    ----------
    indices : ndarray of int32, shape (n_numeric,)
        The index of each feature.
    """

    def __init__(self, features: Sequence[Feature], facts: Facts, hash_bits: int) -> None:
        self._features = [feature for feature in features if isinstance(feature, Numeric)]
        self._scalings = [Scaling.of(f, facts.columns.get(f.column)) for f in self._features]
        self.indices = np.array(
            [feature_index(f.name, hash_bits) for f in self._features], np.int32
        )

    def encode(self, batch: pa.RecordBatch, dtype: str) -> np.ndarray:
        """Values of shape (n_numeric, n_rows); NaN where a feature is left out."""
        values = np.empty((len(self._features), batch.num_rows), dtype)
        for feature, scaling, row in zip(self._features, self._scalings, values, strict=True):
            row[:] = scaling.scaled(raw_values(feature, batch.column(feature.column)))
        return values


class CategoryBlock:
    """Indices of categories and of crosses of categories."""

    def __init__(self, features: Sequence[Feature], hash_bits: int) -> None:
        self._hash_bits = hash_bits
        self._tables = {
            feature: IndexTable(f"{feature.name}=", hash_bits)
            for feature in features
            if isinstance(feature, Categorical)
        }
        self._crosses = [feature for feature in features if isinstance(feature, Cross)]
        parts = (part for cross in self._crosses for part in cross.parts)
        self._sources = dict.fromkeys([*self._tables, *parts])

    def encode(self, batch: pa.RecordBatch) -> np.ndarray:
        """Indices of shape (n_categories, n_rows), int32; `NOTHING` for null."""
        found = {
            source: categories(source, batch.column(source.column)) for source in self._sources
        }
        indices = np.empty((len(self._tables) + len(self._crosses), batch.num_rows), np.int32)
        rows = iter(indices)
        for feature, table in self._tables.items():
            table.write(found[feature], next(rows))
        for cross in self._crosses:
            parts = [found[part] for part in cross.parts]
            next(rows)[:] = indices_of_crosses(
                f"{cross.name}=",
                np.stack([part.codes for part in parts]),
                tuple(part.texts for part in parts),
                self._hash_bits,
            )
        return indices
