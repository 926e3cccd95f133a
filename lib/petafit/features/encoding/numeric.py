"""Numeric columns: values as floats, scaled or binned."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

import numpy as np
import pyarrow as pa

from petafit.compiled import njit
from petafit.features.buffers import Slots, slots_of, valid_bit
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoding.csr import room_for_columns
from petafit.features.encoding.logarithms import signed_log1p
from petafit.features.feature import Binned, Feature, Numeric

MISSING_BIN = "missing"


@dataclass(frozen=True, slots=True)
class Scaling:
    """``(value - shift) / divisor``, and the replacement of a missing value.

    Attributes
    ----------
    log1p : bool
        Scale ``sgn(value) log(1 + |value|)`` instead of the value.
    fill : float
        Replaces a missing value, in the scaled unit; NaN leaves the feature out.
    """

    shift: float = 0.0
    divisor: float = 1.0
    fill: float = np.nan
    log1p: bool = False

    @classmethod
    def of(cls, feature: Numeric, statistics: ColumnStatistics | None) -> Self:
        """Return the scaling of a feature; a constant column becomes 0.

        Parameters
        ----------
        statistics : ColumnStatistics or None
            Statistics of its column; None for a feature that needs none.
        """
        shift, divisor, stand_in = 0.0, 1.0, np.nan
        if not isinstance(feature.impute, str):
            stand_in = float(feature.impute)
            if feature.log1p:
                stand_in = signed_log1p(stand_in)
        if statistics is not None:
            if feature.scale == "standard":
                shift, divisor = statistics.mean, statistics.sd or 1.0
            elif feature.scale == "minmax":
                shift, divisor = (
                    statistics.minimum,
                    (statistics.maximum - statistics.minimum) or 1.0,
                )
            if feature.impute == "mean":
                stand_in = statistics.mean
        return cls(shift, divisor, (stand_in - shift) / divisor, feature.log1p)

    def write(self, column: pa.Array, out: np.ndarray) -> None:
        """Write the scaled values of a column of numbers, computed in float64.

        Parameters
        ----------
        out : ndarray of float32 or float64, shape (n_rows,)
        """
        # As floats: a stored minimum may be an integer, for which kernels would be compiled anew.
        slots, shift, divisor = _numbers(column), float(self.shift), float(self.divisor)
        fill = float(self.fill)
        if self.log1p and pa.types.is_integer(column.type):
            _scale_counts(*slots, _scaled_counts(shift, divisor), shift, divisor, fill, out)
        else:
            _scale(*slots, self.log1p, shift, divisor, fill, out)

    def values(self, column: pa.Array) -> np.ndarray:
        """Return the scaled values of a column of numbers, shape (n_rows,) float64."""
        found = np.empty(len(column))
        self.write(column, found)
        return found


_AS_IT_IS = Scaling()


def numbers(column: pa.Array) -> np.ndarray:
    """Return the values as float64, shape (n_rows,), null as NaN."""
    return _AS_IT_IS.values(column)


def raw_values(feature: Numeric, column: pa.Array) -> np.ndarray:
    """Return the values to profile and scale, shape (n_rows,) float64; NaN is missing."""
    return Scaling(log1p=feature.log1p).values(column)


def _numbers(column: pa.Array) -> Slots:
    """Return the slots of a column of numbers, in a type supported by kernels."""
    kind = column.type
    if pa.types.is_decimal(kind):
        # Arrow's own cast is not rounded correctly: 99.99 becomes 99.99000000000001
        column = column.cast(pa.string())
    if not pa.types.is_integer(kind) and kind not in (pa.float32(), pa.float64()):
        column = column.cast(pa.float64())
    return slots_of(column)


@njit
def _scale(
    values: np.ndarray,
    validity: np.ndarray,
    first: int,
    log1p: bool,
    shift: float,
    divisor: float,
    fill: float,
    out: np.ndarray,
) -> None:
    """Scale in several short loops, most of which the compiler vectorises."""
    if log1p:
        for i in range(out.size):
            out[i] = (signed_log1p(np.float64(values[i])) - shift) / divisor
    else:
        for i in range(out.size):
            out[i] = (np.float64(values[i]) - shift) / divisor
    _fill_missing(validity, first, fill, out)


@lru_cache(maxsize=1024)
def _scaled_counts(shift: float, divisor: float) -> np.ndarray:
    """Return the scaled values of small counts, the most frequent values: a lookup is faster."""
    logarithms = np.array([signed_log1p(float(count)) for count in range(1 << 12)])
    return (logarithms - shift) / divisor


@njit
def _scale_counts(
    values: np.ndarray,
    validity: np.ndarray,
    first: int,
    scaled: np.ndarray,
    shift: float,
    divisor: float,
    fill: float,
    out: np.ndarray,
) -> None:
    """Scale whole numbers with `log1p`, by lookup if all are small counts."""
    small = True
    for i in range(out.size):
        small &= 0 <= values[i] < scaled.size
    if small:
        for i in range(out.size):
            out[i] = scaled[np.uint64(values[i])]
        _fill_missing(validity, first, fill, out)
    else:
        _scale(values, validity, first, True, shift, divisor, fill, out)


@njit
def _fill_missing(validity: np.ndarray, first: int, fill: float, out: np.ndarray) -> None:
    if validity.size:
        factor = np.array([np.nan, 1.0], out.dtype)  # branches would often be mispredicted
        for i in range(out.size):
            out[i] *= factor[valid_bit(validity, first + i)]
    if not np.isnan(fill):
        for i in range(out.size):
            out[i] = fill if np.isnan(out[i]) else out[i]


def bin_codes(feature: Binned, column: pa.Array) -> np.ndarray:
    """Return the bin of each row, shape (n_rows,) int32: a position in `bin_names`."""
    codes = np.empty(len(column), np.int32)
    _search(numbers(column), _padded(feature.edges), len(feature.edges), codes)
    return codes


@cache
def _padded(edges: tuple[float, ...]) -> np.ndarray:
    """Return the edges, and infinities up to a length of a power of two less one."""
    padded = np.full((1 << len(edges).bit_length()) - 1, np.inf)
    padded[: len(edges)] = edges
    return padded


_BLOCK = 512


@njit
def _search(values: np.ndarray, padded: np.ndarray, n_edges: int, codes: np.ndarray) -> None:
    """Count the edges at or below each value; one more than all edges is NaN's code.

    A binary search, in which the rows of a block take each step together: a loop that the compiler
    vectorises, where the branches of one search after the other would be mispredicted.
    """
    below = np.empty(_BLOCK, np.int32)
    for start in range(0, codes.size, _BLOCK):
        size = min(_BLOCK, codes.size - start)
        below[:] = 0
        step = (padded.size + 1) >> 1
        while step > 0:
            for i in range(size):
                reached = padded[np.uint32(below[i]) + np.uint32(step - 1)] <= values[start + i]
                below[i] += np.int32(step) * np.int32(reached)
            step >>= 1
        for i in range(size):
            value = values[start + i]
            code = min(below[i], np.int32(n_edges))  # infinity reaches the padding
            codes[start + i] = code if value == value else np.int32(n_edges + 1)


@cache
def bin_names(feature: Binned) -> pa.StringArray:
    """Return the bins' names: the number of edges at or below a value, and last the missing bin."""
    return pa.array([*map(str, range(len(feature.edges) + 1)), MISSING_BIN], pa.string())


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
