"""Columns that divide the rows of a table into those to train on and those to test on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from petafit.config.yaml12 import dump
from petafit.features.columns import is_boolean, is_date, is_integer, is_string
from petafit.suggestion.lines import quoted, share
from petafit.suggestion.names import names_fold, names_part
from petafit.suggestion.seen import CALENDAR, DATE_NAMES, Seen
from petafit.table.columns import legible, present
from petafit.table.filters.predicate import parse

_MOST_TEST_SHARE = 0.2
_MOST_FOLDS = 20
_LATER = (">", ">=")
_TRAIN = frozenset({"train", "training", "tr"})
_VALIDATION = frozenset({"valid", "validation", "val", "dev", "eval"})
_TEST = frozenset({"test", "testing", "holdout", "te"})


@dataclass(frozen=True)
class Cut:
    """A day that divides the rows: those before it train, the others test."""

    column: str
    first_tested: object
    test_share: float


@dataclass(frozen=True)
class Division:
    """Conditions on columns that say which rows are for what.

    Attributes
    ----------
    columns : tuple of str
        Those that the conditions name.
    by_time : str or None
        The column by which later rows test; None if rows are divided in another way.
    reason : str
    is_given : bool
        The user's own conditions.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    columns: tuple[str, ...]
    reason: str
    validation: tuple[str, ...] = ()
    by_time: str | None = None
    is_given: bool = False

    def check(self, schema: pa.Schema) -> None:
        """Refuse conditions that a table of this schema cannot evaluate; as `Predicate.check`."""
        for conditions in (self.train, self.validation, self.test):
            parse(conditions).check(schema)


def division_of(train: str, test: str) -> Division:
    """Return the division that the user gives by two conditions.

    Raises
    ------
    ConfigurationError
        A condition cannot be parsed.
    """
    conditions = [parse(condition).conditions for condition in ((train,), (test,))]
    columns = dict.fromkeys(each.column for part in conditions for each in part)
    tested = {each.column for each in conditions[1] if each.operator in _LATER}
    by_time = next(iter(tested)) if len(columns) == len(tested) == 1 else None
    return Division((train,), (test,), tuple(columns), "as given", by_time=by_time, is_given=True)


def choose_division(
    columns: Sequence[Seen], rows: pa.Table, partitioned: Sequence[str]
) -> Division | None:
    """Return how the table's columns divide its rows; None where they do not.

    A column made for it comes first, then a fold of cross-validation, then time.
    """
    usable = [seen for seen in columns if not seen.missing and "`" not in seen.name]
    for seen in usable:
        found = _by_part(seen, rows) or _by_flag(seen, rows)
        if found is not None:
            return found
    for seen in usable:
        if is_fold(seen):
            name, last = quoted(seen.name), seen.largest
            return Division(
                (f"{name} != {last}",),
                (f"{name} == {last}",),
                (seen.name,),
                f"one of {seen.distinct} folds tests",
            )
    cut = choose_cut(columns, rows, partitioned)
    if cut is None:
        return None
    name = quoted(cut.column)
    return Division(
        (f"{name} < {cut.first_tested}",),
        (f"{name} >= {cut.first_tested}",),
        (cut.column,),
        f"the last {share(cut.test_share, 1)} of the rows test",
        by_time=cut.column,
    )


def is_fold(column: Seen) -> bool:
    """Return whether a column numbers folds of cross-validation."""
    few = is_integer(column.kind) and 2 <= column.distinct <= _MOST_FOLDS
    return few and names_fold(column.name)


def _by_part(column: Seen, rows: pa.Table) -> Division | None:
    """Return the division by a column of the names of parts; None if it is none."""
    if not is_string(column.kind) or not 2 <= column.distinct <= 3:
        return None
    values: list[str] = legible(present(rows.column(column.name)).unique()).to_pylist()
    parts = {
        part: next((value for value in values if value.strip().lower() in names), None)
        for part, names in (("train", _TRAIN), ("validation", _VALIDATION), ("test", _TEST))
    }
    if parts["train"] is None or set(values) != {value for value in parts.values() if value}:
        return None
    conditions = {
        part: (f"{quoted(column.name)} == {dump(value)}",) if value else ()
        for part, value in parts.items()
    }
    if parts["test"] is None:
        conditions |= {"test": conditions["validation"], "validation": ()}
    elif parts["validation"] is not None:
        # validation rows are chosen among those of train
        both = f"{quoted(column.name)} != {dump(parts['test'])}"
        conditions["train"] = (both,)
    return Division(
        conditions["train"],
        conditions["test"],
        (column.name,),
        f"{dump(column.name)} names the part of each row",
        validation=conditions["validation"],
    )


def _by_flag(column: Seen, rows: pa.Table) -> Division | None:
    """Return the division by a flag such as is_train; None if it is none."""
    trains = names_part(column.name)
    if trains is None or column.distinct != 2:
        return None
    if not is_boolean(column.kind) and (column.smallest, column.largest) != (0, 1):
        return None
    values = [dump(value) for value in (column.smallest, column.largest)]
    name = quoted(column.name)
    train, test = (f"{name} == {values[trains]}",), (f"{name} == {values[not trains]}",)
    return Division(train, test, (column.name,), f"{dump(column.name)} marks the rows")


def choose_cut(columns: Iterable[Seen], rows: pa.Table, partitioned: Sequence[str]) -> Cut | None:
    """Return the last days of a column that obviously tells the time, a fifth of the rows at most.

    A partition column comes first, then the only date or timestamp, then what is named as one.
    """
    usable = [
        seen for seen in columns if seen.tells_date and not seen.missing and "`" not in seen.name
    ]
    dates = [seen.name for seen in usable if is_date(seen.kind)]
    named = list(_named_as_dates(seen for seen in usable if seen.name.lower() in DATE_NAMES))
    candidates = [
        *(name for name in named if name in partitioned),
        *(dates if len(dates) == 1 else ()),
        *named,
    ]
    cuts = (_cut(name, rows.column(name)) for name in candidates)
    return next((cut for cut in cuts if cut is not None), None)


def _named_as_dates(columns: Iterable[Seen]) -> Iterator[str]:
    """Of year, month, week and day only the first that varies: the others start again within it."""
    by_name = {seen.name.lower(): seen for seen in columns if seen.distinct > 1}
    yield from (seen.name for name, seen in by_name.items() if name not in CALENDAR)
    calendar = (by_name[name].name for name in CALENDAR if name in by_name)
    yield from (name for name, _ in zip(calendar, range(1), strict=False))


def _cut(name: str, values: pa.ChunkedArray) -> Cut | None:
    if is_date(values.type):
        values = values.cast(pa.date32(), safe=False)
    try:
        days = sorted(Counter(values.to_pylist()).items())
    except (ValueError, OverflowError):
        return None  # days that Python does not know, or text that is none
    first, tested = None, 0
    for day, count in reversed(days[1:]):
        if first is not None and tested + count > _MOST_TEST_SHARE * len(values):
            break
        first, tested = day, tested + count
    return None if first is None else Cut(name, first, tested / len(values))
