"""The form in which a linear model best takes a number: its value, bins of it, or categories."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from petafit.features.columns import is_integer
from petafit.suggestion.fields import ColumnCells, as_numbers, by_bin, by_value
from petafit.suggestion.residuals import Residuals
from petafit.suggestion.seen import Seen

BINS = 32
_MOST_CODES = 60
_MOST_VALUES = 1 << 16
_ROWS_OF_CODE = 200
_ROWS_OF_ANY_CODE = 1000
_BY_ORDER = 0.5
_SKEW = 3.0
_SURE = 3.0


@dataclass(frozen=True, slots=True)
class NumberForm:
    """The features of a column of numbers.

    Attributes
    ----------
    binned : bool
        Bins are worth having beside the number.
    values : bool
        Single values are worth telling apart: categories beside bins, instead of the number.
    log1p, indicator : bool
        Options of the number.
    has_infinite : bool
        Its value cannot be scaled: bins alone take it.
    """

    column: str
    binned: bool = False
    values: bool = False
    log1p: bool = False
    indicator: bool = False
    has_infinite: bool = False

    @property
    def is_number(self) -> bool:
        """Return whether the value itself is a feature."""
        return not (self.values or self.has_infinite)

    def unbinned(self) -> "NumberForm":
        """Return the form without bins, where another column has their name."""
        return replace(self, binned=False)


def is_curved(column: Seen, values: pa.ChunkedArray, alone: Residuals) -> bool:
    """Return whether the order of a number's values tells less than half of what they tell.

    A number of few distinct values then is a code, as `is_code` says; bins follow the others.

    Parameters
    ----------
    alone : Residuals
        Of a model without features.
    """
    cells = min(BINS, column.distinct) if column.distinct > _MOST_CODES else column.distinct
    if column.distinct <= 2 or column.rows < _ROWS_OF_CODE * cells:
        return False
    field = by_value(column.name, values) if cells == column.distinct else None
    between = _variance_between(field or by_bin(column.name, values, BINS), alone)
    return between > 0 and _variance_on_line(as_numbers(values), alone) < _BY_ORDER * between


def is_code(column: Seen, *, curved: bool) -> bool:
    """Return whether a number is better taken for one of some things.

    It is where order tells little, or where there are rows enough for any curve.
    """
    few = is_integer(column.kind) and 2 < column.distinct <= _MOST_CODES
    return few and (curved or column.rows >= _ROWS_OF_ANY_CODE * column.distinct)


def choose_form(
    column: Seen, values: pa.ChunkedArray, residuals: Residuals, first: NumberForm, tests: int
) -> NumberForm:
    """Return the form of a number, by what each gains in a model of all columns.

    Parameters
    ----------
    residuals : Residuals
        Of a model with the number in its first form.
    """
    bins = residuals.gain(*_cells(by_bin(column.name, values, BINS)))
    exact = None
    if is_integer(column.kind) and BINS < column.distinct <= min(_MOST_VALUES, column.rows // 4):
        exact = residuals.gain(*_cells(by_value(column.name, values)))
    tells_values = exact is not None and exact.exceeds(tests=tests) and exact > bins
    return replace(
        first,
        binned=first.binned or bins.exceeds(tests=tests) or tells_values,
        values=tells_values,
        indicator=column.missing > 0,
    )


def is_skewed(values: pa.ChunkedArray) -> bool:
    """Return whether numbers from 0 up have a long tail, which their logarithm shortens."""
    known = as_numbers(values)
    known = known[np.isfinite(known)]
    if len(known) < 2 or known.min() < 0 or known.max() <= 1:
        return False
    skew = _skewness(known)
    return skew > _SKEW and abs(_skewness(np.log1p(known))) < skew / 2


def _cells(field: ColumnCells) -> tuple[np.ndarray, int]:
    return field.cells, field.n_cells


def _variance_between(field: ColumnCells, alone: Residuals) -> float:
    """Return the label's variance between cells, without what as many cells have by chance.

    It is 0 where chance could give as much: ``n`` rows of variance v have ``v / n`` for each degree
    of freedom, times a variable of the chi-squared distribution.
    """
    rows = np.bincount(field.cells, minlength=field.n_cells)
    freedom, count = int((rows > 0).sum()) - 1, np.maximum(rows, 1)
    between = chance = 0.0
    for slope in alone.slope.T:
        means = np.bincount(field.cells, slope, minlength=field.n_cells) / count
        between += float((count * (means - slope.mean()) ** 2).sum()) / len(slope)
        chance += float(slope.var()) / len(slope)
    between -= freedom * chance
    return between if between > _SURE * np.sqrt(2 * freedom) * chance else 0.0


def _variance_on_line(values: np.ndarray, alone: Residuals) -> float:
    """Return the label's variance along the best straight line."""
    known = np.isfinite(values)
    x = values[known] - values[known].mean()
    square = float(x @ x) or 1.0
    lines = [float(x @ slope[known]) ** 2 / square for slope in alone.slope.T]
    return sum(lines) / len(values)


def _skewness(values: np.ndarray) -> float:
    spread = float(values.std())
    if spread == 0:
        return 0.0
    return float((((values - values.mean()) / spread) ** 3).mean())
