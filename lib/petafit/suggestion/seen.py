"""Findings about the columns of a table, from some of its rows."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.columns import is_boolean, is_date, is_integer, is_number, is_string
from petafit.suggestion.names import names_class, names_key
from petafit.table.columns import as_python, legible, present

FeatureKind = Literal["numeric", "categorical", "boolean", "date", "text"]
Analyzer = Literal["word", "char"]

_MOST_CLASSES = 20
_MOST_NAMED_CLASSES = 1000
_FEWEST_ROWS_OF_CLASS = 5
_TEXT_DISTINCT = 0.8
_MANY_DISTINCT, _MANY_DISTINCT_SHARE = 1000, 0.2
_TEXT_WORDS = 3
_TEXT_CHARACTERS = 10
_BYTES_OF_SPACELESS = 2.5  # a character: Chinese, Japanese and Thai have 3, Russian 2
_FEWEST_ROWS = 1000
_SEPARATED = r"[\w)][/\\.:?&=,;|]+\w.*[/\\.:?&=,;|]+\w"
_SEPARATED_SHARE = 0.5
_ISO_DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")
CALENDAR = ("year", "month", "week", "day")
"""Parts of a date, each of which starts again within the one before."""

DATE_NAMES = frozenset({"date", "dt", "ds", *CALENDAR})


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
        What its text is best cut into, by its form; None where it is no text.
    unseen : int
        About how many more values strings have in rows not looked at, at least.
    """

    name: str
    kind: pa.DataType
    rows: int
    missing: int
    infinite: int
    distinct: int
    smallest: Any
    largest: Any
    analyzer: Analyzer | None = None
    unseen: int = 0

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
            unseen=_unseen(values) if is_string(values.type) else 0,
        )

    @property
    def feature_kind(self) -> FeatureKind | None:
        """The group of features it belongs to: by its type, but numbers of things are names."""
        if is_integer(self.kind) and names_key(self.name):
            return "categorical"
        return "text" if self.analyzer is not None else feature_kind(self.kind)

    @property
    def looks_like_key(self) -> bool:
        """Return whether each row has a string or whole number of its own, but no text."""
        has_own = self.distinct == self.rows > 1
        obvious = self.rows >= _FEWEST_ROWS and self.analyzer is None
        named = obvious or names_key(self.name)
        return bool(has_own and named and (is_string(self.kind) or is_integer(self.kind)))

    @property
    def tells_date(self) -> bool:
        """Return whether larger values are later days, judged by name and values."""
        ends = (str(self.smallest), str(self.largest))
        return is_date(self.kind) or (
            self.name.lower() in DATE_NAMES
            and (is_integer(self.kind) or all(map(_ISO_DATE.fullmatch, ends)))
        )


def feature_kind(kind: pa.DataType) -> FeatureKind | None:
    """Return the group of features a column belongs to by its type; None if it can be none."""
    if is_boolean(kind):
        return "boolean"
    if is_number(kind):
        return "numeric"
    if is_string(kind):
        return "categorical"
    return "date" if is_date(kind) else None


def label_kind(label: Seen) -> Literal["classes", "number"]:
    """Return the kind of a label: one of some classes, or a number.

    Few whole numbers are classes, more of them where the name says so, and fractions where there
    are no more than two.
    """
    if not is_number(label.kind):
        return "classes"
    most = 2
    if is_integer(label.kind):
        named = min(_MOST_NAMED_CLASSES, label.rows // _FEWEST_ROWS_OF_CLASS)
        most = max(_MOST_CLASSES, named if names_class(label.name) else 0)
    return "classes" if label.distinct <= most else "number"


def _unseen(values: pa.ChunkedArray) -> int:
    """Return about how many values were not seen, by those seen once and twice.

    A lower bound on average (Chao, Scandinavian Journal of Statistics 11, 1984).
    """
    counts = pc.value_counts(values).field("counts")
    once, twice = (pc.sum(pc.equal(counts, times)).as_py() or 0 for times in (1, 2))
    return once * (once - 1) // (2 * (twice + 1))


def _analyzer(values: pa.ChunkedArray, distinct: int) -> Analyzer | None:
    """Return what text is cut into, None where strings are none.

    Text says something else in nearly every row, or a thousand things and more, each in few. It
    does so in some words, in a script without spaces, or in pieces between separators, as paths and
    addresses do.
    """
    of_many = distinct >= _MANY_DISTINCT
    if distinct < max(2, (_MANY_DISTINCT_SHARE if of_many else _TEXT_DISTINCT) * len(values)):
        return None
    texts = pa.chunked_array(map(legible, values.chunks), pa.string())
    if pc.mean(pc.count_substring_regex(texts, r"\S+")).as_py() >= _TEXT_WORDS:
        return "word"
    characters = pc.sum(pc.utf8_length(texts)).as_py()
    bytes_ = pc.sum(pc.binary_length(texts)).as_py()
    if characters < _TEXT_CHARACTERS * len(texts):
        return None
    separated = pc.mean(pc.match_substring_regex(texts, _SEPARATED)).as_py()
    spaceless = bytes_ >= _BYTES_OF_SPACELESS * characters
    return "char" if spaceless or separated >= _SEPARATED_SHARE else None
