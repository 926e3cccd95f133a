"""Parts of dates on a circle: sine and cosine, looked up by the part."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.encoding.categorical import date_part
from petafit.features.encoding.csr import room_for_columns
from petafit.features.feature import Cyclic, DatePart, Feature


class CyclicBlock:
    """Sines and cosines, in the order of the features."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = [feature for feature in features if isinstance(feature, Cyclic)]
        self._values = [np.append(feature.values, np.nan) for feature in self._features]

    def encode(self, batch: pa.RecordBatch, dtype: str) -> np.ndarray:
        """Return values of shape (n_cyclic, at least n_rows); NaN for null."""
        found = room_for_columns(len(self._features), batch.num_rows, dtype)
        for feature, values, row in zip(self._features, self._values, found, strict=True):
            column = batch.column(feature.column)
            if column.null_count == len(column):
                row[: len(column)] = np.nan
                continue
            part = date_part(DatePart(feature.column, feature.part), column)
            places = pc.fill_null(part, feature.first + len(values) - 1).to_numpy()
            row[: len(column)] = values[places - feature.first]
        return found
