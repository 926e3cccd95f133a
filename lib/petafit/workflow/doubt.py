"""Columns to doubt: they tell of a row what nobody knows before its label."""

import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.columns import is_integer, is_number
from petafit.table.types import comparable, missing
from petafit.workflow.suggest import Seen, count_distinct

_FEWEST_STEPS = 20


def tells_label(column: Seen, label: Seen, rows: pa.Table) -> bool:
    """True where a column's values and the label's correspond one to one.

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


def orders_rows(column: Seen, rows: pa.Table) -> bool:
    """True where a number never falls, or never grows, from one row read to the next.

    It may stay equal, as the number of a batch does, but must change often enough.
    """
    if not is_number(column.kind) or column.missing:
        return False
    steps, up, down = 0, True, True
    for run in comparable(rows.column(column.name)).chunks:
        before, after = run[:-1], run[1:]
        steps += pc.sum(pc.not_equal(after, before)).as_py() or 0
        up = up and pc.all(pc.greater_equal(after, before)).as_py() is not False
        down = down and pc.all(pc.less_equal(after, before)).as_py() is not False
    return steps >= _FEWEST_STEPS and (up or down)


def numbers_rows(column: Seen) -> bool:
    """True where whole numbers count the rows that were read, in any order, without a gap."""
    return (
        is_integer(column.kind)
        and column.distinct == column.rows > _FEWEST_STEPS
        and column.largest - column.smallest == column.rows - 1
    )


def _are_equal(left: pa.ChunkedArray, right: pa.ChunkedArray) -> bool:
    numeric = [is_number(values.type) for values in (left, right)]
    if all(numeric):
        left, right = left.cast(pa.float64(), safe=False), right.cast(pa.float64(), safe=False)
    elif any(numeric) or left.type != right.type:
        return False
    return bool(pc.all(pc.equal(left, right)).as_py())
