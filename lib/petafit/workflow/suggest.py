"""Suggestions for a task: the label's kind, keys, a split, features, and columns to doubt."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.columns import is_boolean, is_date, is_integer, is_number, is_string
from petafit.table.columns import as_python, comparable, legible, missing, present

FeatureKind = Literal["numeric", "categorical", "boolean", "date", "text"]

_MOST_CLASSES = 20
_MOST_TEST_SHARE = 0.2
_MOST_KEYS = 4
_FEWEST_KEYS = 100
_TEXT_DISTINCT = 0.8
_TEXT_WORDS = 3
_TEXT_CHARACTERS = 10
_BYTES_OF_SPACELESS = 2.5  # a character: Chinese, Japanese and Thai have 3, Russian 2
_FEWEST_ROWS = 1000
_KEY_NAME = re.compile(r"(^|_)(id|key|uuid|guid)$|[a-z](Id|ID|Key)$")
_ISO_DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")
_CALENDAR = ("year", "month", "week", "day")
_DATE_NAMES = frozenset({"date", "dt", "ds", *_CALENDAR})
_FEWEST_STEPS = 20


@dataclass(frozen=True)
class Seen:
    """Findings about one column.

    Attributes
    ----------
    rows, missing, infinite, distinct : int
        Rows looked at, those without a value (NaN included), infinite and different values.
    smallest, largest : object
        None where there is no value.
    analyzer : {"word", "char"} or None
        What its text is best cut into; None where it is no text.
    """

    name: str
    kind: pa.DataType
    rows: int
    missing: int
    infinite: int
    distinct: int
    smallest: Any
    largest: Any
    analyzer: Literal["word", "char"] | None = None

    @classmethod
    def of(cls, name: str, column: pa.ChunkedArray) -> "Seen":
        """Look at a column's values."""
        values = present(column)
        infinite = 0
        if pa.types.is_floating(values.type):
            values = values.cast(pa.float64())
            infinite = pc.sum(pc.is_inf(values)).as_py() or 0
        ends = pc.min_max(values)
        missing, distinct = len(column) - len(values), pc.count_distinct(values).as_py()
        return cls(
            name,
            column.type,
            rows=len(column),
            missing=missing,
            infinite=infinite,
            distinct=distinct,
            smallest=as_python(ends["min"]),
            largest=as_python(ends["max"]),
            analyzer=_analyzer(values, distinct) if is_string(values.type) else None,
        )

    @property
    def feature_kind(self) -> FeatureKind | None:
        """The group of features it belongs to: by its type, but numbers of things are names."""
        if is_integer(self.kind) and _KEY_NAME.search(self.name):
            return "categorical"
        return "text" if self.analyzer is not None else feature_kind(self.kind)

    @property
    def looks_like_key(self) -> bool:
        """True where each row has its own string or whole number, neither by chance nor as text."""
        has_own = self.distinct == self.rows > 1
        obvious = self.rows >= _FEWEST_ROWS and self.analyzer is None
        named = obvious or _KEY_NAME.search(self.name)
        return bool(has_own and named and (is_string(self.kind) or is_integer(self.kind)))

    @property
    def tells_date(self) -> bool:
        """True where larger values are later days, judged by name and values."""
        ends = (str(self.smallest), str(self.largest))
        return is_date(self.kind) or (
            self.name.lower() in _DATE_NAMES
            and (is_integer(self.kind) or all(map(_ISO_DATE.fullmatch, ends)))
        )


@dataclass(frozen=True)
class Cut:
    """A day that divides the rows: those before it train, the others test."""

    column: str
    first_tested: object
    test_share: float


def feature_kind(kind: pa.DataType) -> FeatureKind | None:
    """The group of features a column belongs to by its type; None where it can be no feature."""
    if is_boolean(kind):
        return "boolean"
    if is_number(kind):
        return "numeric"
    if is_string(kind):
        return "categorical"
    return "date" if is_date(kind) else None


def _analyzer(values: pa.ChunkedArray, distinct: int) -> Literal["word", "char"] | None:
    """Text says something else in nearly every row, in some words or in a script without spaces."""
    if distinct < max(2, _TEXT_DISTINCT * len(values)):
        return None
    texts = pa.chunked_array(map(legible, values.chunks), pa.string())
    if pc.mean(pc.count_substring_regex(texts, r"\S+")).as_py() >= _TEXT_WORDS:
        return "word"
    characters = pc.sum(pc.utf8_length(texts)).as_py()
    bytes_ = pc.sum(pc.binary_length(texts)).as_py()
    long = characters >= _TEXT_CHARACTERS * len(texts)
    return "char" if long and bytes_ >= _BYTES_OF_SPACELESS * characters else None


def label_kind(label: Seen) -> Literal["classes", "number"]:
    """The kind of a label: one of some classes, or a number.

    Few whole numbers are classes, and fractions where there are no more than two.
    """
    if not is_number(label.kind):
        return "classes"
    most = _MOST_CLASSES if is_integer(label.kind) else 2
    return "classes" if label.distinct <= most else "number"


def choose_cut(columns: Iterable[Seen], rows: pa.Table, partitioned: Sequence[str]) -> Cut | None:
    """The last days of a column that obviously tells the time, about a fifth of the rows at most.

    A partition column comes first, then the only date or timestamp, then what is named as one.
    """
    usable = [
        seen for seen in columns if seen.tells_date and not seen.missing and "`" not in seen.name
    ]
    dates = [seen.name for seen in usable if is_date(seen.kind)]
    named = list(_named_as_dates(seen for seen in usable if seen.name.lower() in _DATE_NAMES))
    candidates = [
        *(name for name in named if name in partitioned),
        *(dates if len(dates) == 1 else ()),
        *named,
    ]
    cuts = (_cut(name, rows.column(name)) for name in candidates)
    return next((cut for cut in cuts if cut is not None), None)


def choose_keys(
    columns: Sequence[Seen], rows: pa.Table, *, numbers: Collection[str] = ()
) -> tuple[str, ...]:
    """The columns that tell rows apart: one that does alone, else few that do so best together.

    Rows in which no key has a value cannot be dealt: columns without missing values come first.

    Parameters
    ----------
    numbers : collection of str
        Columns that only number the rows: they are keys where others tell too few rows apart.
    """
    alone = [seen.name for seen in columns if seen.looks_like_key and seen.name not in numbers]
    if alone:
        return (min(alone, key=lambda name: not _KEY_NAME.search(name)),)
    ranks: dict[tuple[bool, bool, bool], list[Seen]] = defaultdict(list)
    for seen in sorted(columns, key=lambda seen: -seen.distinct):
        is_exact = is_string(seen.kind) or is_integer(seen.kind)
        ranks[seen.missing > 0, seen.name in numbers, not is_exact].append(seen)
    keys: list[str] = []
    apart = 0
    for number, rank in enumerate(sorted(ranks)):
        if number and apart >= _FEWEST_KEYS:
            break  # a tenth of them is about a tenth of the rows
        for seen in ranks[rank][: _MOST_KEYS if any(rank) else 2 * _MOST_KEYS]:
            together = count_distinct(rows.select([*keys, seen.name]))
            if together > apart and len(keys) < _MOST_KEYS:
                keys.append(seen.name)
                apart = together
    return tuple(keys)


def count_distinct(rows: pa.Table) -> int:
    """The number of different rows of a table."""
    positions = [str(i) for i in range(rows.num_columns)]  # group_by reads some names as paths
    return int(rows.rename_columns(positions).group_by(positions).aggregate([]).num_rows)


def _named_as_dates(columns: Iterable[Seen]) -> Iterator[str]:
    """Of year, month, week and day only the first that varies: the others start again within it."""
    by_name = {seen.name.lower(): seen for seen in columns if seen.distinct > 1}
    yield from (seen.name for name, seen in by_name.items() if name not in _CALENDAR)
    calendar = (by_name[name].name for name in _CALENDAR if name in by_name)
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
