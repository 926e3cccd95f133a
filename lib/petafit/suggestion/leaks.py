"""Columns that give the label away."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import rankdata

from petafit.features.columns import is_date, is_number
from petafit.suggestion.fields import ColumnCells, as_numbers, by_bin, by_value
from petafit.suggestion.keys import count_distinct
from petafit.suggestion.residuals import Residuals
from petafit.suggestion.seen import Seen
from petafit.table.columns import missing

_LEAST_LEAK = 0.99
_FEWEST_ROWS = 100
_FEWEST_OF_CLASS = 10
_MOST_VALUES = 1000
_BINS = 256


class Leak(NamedTuple):
    """Prediction of the label by a column alone, out of sample.

    Attributes
    ----------
    measure : {"AUC", "R²"}
    """

    measure: str
    value: float


def find_leak(column: Seen, values: pa.ChunkedArray, alone: Residuals) -> Leak | None:
    """Return how well a column alone predicts the label, if it is too well to be true.

    Each half of the rows is predicted by the label's means in the other: of each value, or of bins.

    Parameters
    ----------
    alone : Residuals
        Of a model without features, with halves drawn at random.
    """
    if is_date(column.kind) or not column.distinct > 1 or len(alone.half) < _FEWEST_ROWS:
        return None
    if is_number(column.kind) and column.distinct > _MOST_VALUES:
        field = by_bin(column.name, values, _BINS)
    else:
        field = by_value(column.name, values)
    scores = _out_of_half(field, alone)
    if (alone.curvature == 1).all():
        square = float((alone.slope**2).sum()) or 1.0
        binned = 1 - float(((alone.slope - scores) ** 2).sum()) / square
        leak = Leak("R²", max(binned, _on_line(column, values, alone.slope[:, 0])))
    else:
        leak = Leak("AUC", _mean_auc(scores, alone.slope > 0))
    return leak if leak.value >= _LEAST_LEAK else None


def tells_label(column: Seen, label: Seen, rows: pa.Table) -> bool:
    """Return whether a column's values and the label's correspond one to one.

    Columns in which nearly each row has a value of its own do so by chance, unless all are equal.
    """
    both = rows.select([column.name, label.name])
    for name in both.column_names:
        both = both.filter(pc.invert(missing(both.column(name))))
    if both.num_rows < 2 or label.distinct < 2:
        return False
    if 2 * label.distinct > label.rows:
        return bool(_are_equal(*both.columns))
    if column.distinct != label.distinct:
        return False
    return count_distinct(both) == label.distinct == count_distinct(both.select([0]))


def _out_of_half(field: ColumnCells, alone: Residuals) -> np.ndarray:
    """Return the mean slope of each row's cell in the other half, (n_rows, n_outputs)."""
    scores = np.zeros_like(alone.slope)
    for own in (alone.half, ~alone.half):
        cells = field.cells[~own]
        count = np.bincount(cells, minlength=field.n_cells) + 1.0
        for output, slope in enumerate(alone.slope.T):
            sums = np.bincount(cells, slope[~own], minlength=field.n_cells)
            scores[own, output] = (sums / count)[field.cells[own]]
    return scores


def _on_line(column: Seen, values: pa.ChunkedArray, slope: np.ndarray) -> float:
    """Return the squared correlation of a number and the label, where both are known."""
    if not is_number(column.kind) or column.infinite:
        return 0.0
    numbers = as_numbers(values)
    known = ~np.isnan(numbers)
    if known.sum() < _FEWEST_ROWS or numbers[known].std() == 0 or slope[known].std() == 0:
        return 0.0
    return float(np.corrcoef(numbers[known], slope[known])[0, 1] ** 2)


def _mean_auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the area under the curve of each class against the others, weighted by its rows."""
    total = weight = 0.0
    for score, positive in zip(scores.T, truth.T, strict=True):
        ones = int(positive.sum())
        zeros = len(positive) - ones
        if min(ones, zeros) >= _FEWEST_OF_CLASS:
            ranks = rankdata(score)[positive].sum()
            total += ones * (ranks - ones * (ones + 1) / 2) / (ones * zeros)
            weight += ones
    return total / weight if weight else 0.0


def _are_equal(left: pa.ChunkedArray, right: pa.ChunkedArray) -> bool:
    numeric = [is_number(values.type) for values in (left, right)]
    if all(numeric):
        left, right = left.cast(pa.float64(), safe=False), right.cast(pa.float64(), safe=False)
    elif any(numeric) or left.type != right.type:
        return False
    return bool(pc.all(pc.equal(left, right)).as_py())
