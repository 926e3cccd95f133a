"""Columns that tell rows apart, and those that only number them."""

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.columns import is_integer, is_number, is_string
from petafit.suggestion.names import names_key
from petafit.suggestion.seen import Seen
from petafit.table.columns import comparable

_MOST_KEYS = 4
_FEWEST_KEYS = 100
_FEWEST_STEPS = 20
_SLACK = 1e-9


def choose_keys(
    columns: Sequence[Seen], rows: pa.Table, *, numbers: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the columns that tell rows apart: one that does alone, else the best few together.

    Best are those that make many groups of about equal size: a group is held out as a whole. Rows
    in which no key has a value cannot be dealt: columns without missing values come first.

    Parameters
    ----------
    numbers : collection of str
        Columns that only number the rows: they are keys where others tell too few rows apart.
    """
    alone = [seen.name for seen in columns if seen.looks_like_key and seen.name not in numbers]
    if alone:
        return (min(alone, key=lambda name: not names_key(name)),)
    ranks: dict[tuple[bool, bool, bool], list[Seen]] = defaultdict(list)
    sizes = {seen.name: _effective_groups(rows.select([seen.name])) for seen in columns}
    for seen in sorted(columns, key=lambda seen: -sizes[seen.name]):
        is_exact = is_string(seen.kind) or is_integer(seen.kind)
        ranks[seen.missing > 0, seen.name in numbers, not is_exact].append(seen)
    keys: list[str] = []
    apart = 1.0
    for number, rank in enumerate(sorted(ranks)):
        if number and apart >= _FEWEST_KEYS:
            break  # a tenth of them is about a tenth of the rows
        for seen in ranks[rank][: _MOST_KEYS if any(rank) else 2 * _MOST_KEYS]:
            together = _effective_groups(rows.select([*keys, seen.name]))
            if together > apart * (1 + _SLACK) and len(keys) < _MOST_KEYS:
                keys.append(seen.name)
                apart = together
    return tuple(keys)


def count_distinct(rows: pa.Table) -> int:
    """Return the number of different rows of a table."""
    positions = [str(i) for i in range(rows.num_columns)]  # group_by reads some names as paths
    return int(rows.rename_columns(positions).group_by(positions).aggregate([]).num_rows)


def _effective_groups(rows: pa.Table) -> float:
    """Return how many groups of equal size are as likely to hold two rows together.

    Groups are of rows that agree in all columns (the inverse of Simpson's index).
    """
    positions = [str(i) for i in range(rows.num_columns)]
    grouped = rows.rename_columns(positions).group_by(positions).aggregate([([], "count_all")])
    counts = grouped.column("count_all").to_numpy().astype(np.float64)
    return float(rows.num_rows**2 / (counts**2).sum()) if len(counts) else 0.0


def orders_rows(column: Seen, rows: pa.Table) -> bool:
    """Return whether a number never falls, or never grows, from one row read to the next.

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
    """Return whether whole numbers count the rows that were read, in any order, without a gap."""
    return (
        is_integer(column.kind)
        and column.distinct == column.rows > _FEWEST_STEPS
        and column.largest - column.smallest == column.rows - 1
    )
