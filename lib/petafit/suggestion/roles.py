"""Uses of the columns of a table: features, keys, the split, weights, or none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.columns import is_date, is_number
from petafit.suggestion.keys import choose_keys, numbers_rows
from petafit.suggestion.names import names_row_weight, names_weight
from petafit.suggestion.seen import Seen
from petafit.suggestion.splits import Division, is_fold
from petafit.table.columns import present

UNIQUE = "each row has its own"
_NEAR_ONE = 0.01


@dataclass(frozen=True)
class Roles:
    """The columns of a table by their use.

    Attributes
    ----------
    division : Division or None
        Conditions that divide the rows; None: a hash of the keys does.
    keys : tuple of str
    has_unique_key : bool
        One key tells all rows apart.
    weight : str or None
    perhaps_weight : tuple of str
        Columns named like a weight, which may be something else's.
    left_out : mapping of str to str
        Columns that are no features, and why.
    """

    division: Division | None
    keys: tuple[str, ...]
    has_unique_key: bool
    weight: str | None
    perhaps_weight: tuple[str, ...]
    left_out: Mapping[str, str]


def choose_roles(
    columns: Sequence[Seen],
    rows: pa.Table,
    division: Division | None,
    *,
    index: Collection[str],
    unnamed: Collection[str],
) -> Roles:
    """Return the use of each column.

    Parameters
    ----------
    index, unnamed : collection of str
        The columns of a pandas index, and those of them that only number the rows.
    """
    weight = next((c.name for c in columns if _is_weight(c, rows)), None)
    unique = any(c.looks_like_key and c.name not in unnamed for c in columns)
    others = [column for column in columns if column.name != weight]
    chosen = choose_keys(others, rows, numbers=unnamed) if unique or division is None else ()
    dividing = () if division is None else division.columns
    left_out = {
        column.name: reason
        for column in columns
        if (reason := _useless(column, dividing, index, weight))
    }
    doubtful = (c for c in columns if is_number(c.kind) and names_weight(c.name))
    perhaps = tuple(c.name for c in doubtful if c.name not in left_out)
    return Roles(division, chosen, unique, weight, perhaps, left_out)


def _useless(
    column: Seen, dividing: Collection[str], index: Collection[str], weight: str | None
) -> str:
    """Return the reason why a column is no feature; empty if it may be one."""
    if column.name in index:
        return "the index of a pandas frame"
    if column.name == weight:
        return "it weighs the rows"
    if column.name in dividing and not is_date(column.kind):
        return "it divides the rows"
    if column.looks_like_key:
        return UNIQUE
    if not column.distinct:
        return "no value"
    if column.distinct == 1 and not column.missing:
        return "one value in all rows"
    if is_fold(column):
        return "folds of cross-validation"
    return "it only numbers the rows" if numbers_rows(column) else ""


def _is_weight(column: Seen, rows: pa.Table) -> bool:
    """Return whether a column weighs rows: its name is clear, or it averages 1 as weights do."""
    if not is_number(column.kind) or column.missing or column.infinite or column.distinct < 2:
        return False
    if not column.smallest >= 0:
        return False
    if names_row_weight(column.name):
        return True
    if not names_weight(column.name):
        return False
    mean = pc.mean(present(rows.column(column.name)).cast(pa.float64(), safe=False)).as_py()
    return bool(abs(mean - 1) < _NEAR_ONE)
