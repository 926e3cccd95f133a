"""Numeric columns as float64, their scaling, and their bins."""

from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
import pyarrow as pa

from petafit.features.facts import ColumnFacts
from petafit.features.feature import Binned, Numeric

MISSING_BIN = "missing"


def numbers(column: pa.Array) -> np.ndarray:
    """The values as float64, shape (n_rows,), null as NaN; a view where that is possible."""
    if pa.types.is_decimal(column.type):
        # Arrow's own cast is not rounded correctly: 99.99 becomes 99.99000000000001
        column = column.cast(pa.string())
    values: pa.DoubleArray = column.cast(pa.float64(), safe=False)
    filled: np.ndarray = values.fill_null(np.nan).to_numpy()
    return filled


def raw_values(feature: Numeric, column: pa.Array) -> np.ndarray:
    """What is profiled and scaled, shape (n_rows,) float64; NaN is missing."""
    return _transformed(feature, numbers(column))


def _transformed(feature: Numeric, values: np.ndarray) -> np.ndarray:
    if not feature.log1p:
        return values
    result: np.ndarray = np.copysign(np.log1p(np.abs(values)), values)
    return result


@dataclass(frozen=True, slots=True)
class Scaling:
    """``(value - shift) / divisor``, and what stands for a missing value.

    Attributes
    ----------
    fill : float
        In the scaled unit; NaN leaves the feature out.
    """

    shift: float
    divisor: float
    fill: float

    @classmethod
    def of(cls, feature: Numeric, facts: ColumnFacts | None) -> Self:
        """The scaling of a feature; a constant column becomes 0.

        Parameters
        ----------
        facts : ColumnFacts or None
            Of its column; None for a feature that needs none.
        """
        shift, divisor, stand_in = 0.0, 1.0, np.nan
        if not isinstance(feature.impute, str):
            stand_in = float(_transformed(feature, np.array(feature.impute, np.float64)))
        if facts is not None:
            if feature.scale == "standard":
                shift, divisor = facts.mean, facts.sd or 1.0
            elif feature.scale == "minmax":
                shift, divisor = facts.minimum, (facts.maximum - facts.minimum) or 1.0
            if feature.impute == "mean":
                stand_in = facts.mean
        return cls(shift, divisor, (stand_in - shift) / divisor)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Scaled values, shape (n_rows,) float64, NaN where the feature is left out."""
        result: np.ndarray = values - self.shift
        result /= self.divisor
        result[np.isnan(values)] = self.fill
        return result


def bin_codes(feature: Binned, column: pa.Array) -> np.ndarray:
    """The bin of each row, shape (n_rows,) int32: a position in `bin_names`."""
    values = numbers(column)
    codes = np.searchsorted(feature.edges, values, side="right").astype(np.int32)
    codes[np.isnan(values)] = len(feature.edges) + 1
    return codes


@cache
def bin_names(feature: Binned) -> pa.StringArray:
    """The number of edges at or below a value, as text, and last the bin of missing values."""
    return pa.array([*map(str, range(len(feature.edges) + 1)), MISSING_BIN], pa.string())
