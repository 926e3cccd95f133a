"""Resolved features of a model: columns by name, every option with its value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from petafit.config.feature_groups import DatePart as Part

CROSS = "×"
RARE = "(rare)"
"""The text of values that training had in few rows, or in none."""


@dataclass(frozen=True, slots=True)
class Numeric:
    """A column's value, hashed by the column's name."""

    column: str
    impute: Literal["mean", "none"] | float = "mean"
    log1p: bool = False
    scale: Literal["standard", "minmax", "none"] = "standard"

    @property
    def needs_statistics(self) -> bool:
        """Return whether scaling or the replacement of nulls depends on the whole table."""
        return self.scale != "none" or self.impute == "mean"

    @property
    def name(self) -> str:
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, slots=True)
class Categorical:
    """A column's distinct values, each hashed as ``column=value``."""

    column: str

    @property
    def name(self) -> str:
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, slots=True)
class Frequent(Categorical):
    """The values of at least `min_count` training rows; all others are one category, `RARE`."""

    min_count: int


@dataclass(frozen=True, slots=True)
class Boolean(Categorical):
    """A column of booleans: ``column=true`` and ``column=false``."""


@dataclass(frozen=True, slots=True)
class Indicator(Categorical):
    """``column_missing=true`` where a number is null or NaN, and nothing elsewhere."""

    @property
    def name(self) -> str:
        return f"{self.column}_missing"


@dataclass(frozen=True, slots=True)
class IndicatorIfTelling(Indicator):
    """An `Indicator` that is left out where a table's statistics say that it tells nothing."""


@dataclass(frozen=True, slots=True)
class Binned(Categorical):
    """The number of edges at or below a value, as a category; ``missing`` is a bin of its own."""

    edges: tuple[float, ...]

    @property
    def name(self) -> str:
        return f"{self.column}_bin"


@dataclass(frozen=True, slots=True)
class QuantileBinned(Categorical):
    """At most `bins` bins of about equal weight; a table's statistics make it `Binned`."""

    bins: int

    @property
    def name(self) -> str:
        return f"{self.column}_bin"


@dataclass(frozen=True, slots=True)
class DatePart(Categorical):
    """One part of a date or timestamp in UTC, as a category; Monday is day_of_week 0."""

    part: Part

    @property
    def name(self) -> str:
        return f"{self.column}_{self.part}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A number for each value of a column of categories, from a table that training makes."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, slots=True)
class Count(Lookup):
    """The logarithm of the number of training rows with the value."""

    @property
    def name(self) -> str:
        return f"{self.column}_count"


@dataclass(frozen=True, slots=True)
class TargetMean(Lookup):
    """The label's mean in training rows with the value; of two classes the log odds."""

    smoothing: float = 20.0

    @property
    def name(self) -> str:
        return f"{self.column}_target"


@dataclass(frozen=True, slots=True)
class Text:
    """The n-grams of a column's text, each hashed as ``column_words=gram`` and counted.

    Attributes
    ----------
    ngrams : tuple of int
        Sizes of the shortest and the longest n-gram, in words or in Unicode code points.
    norm : {"l2", "none"}
        The values of a row are scaled to a Euclidean length of 1, or are the counts.
    """

    column: str
    analyzer: Literal["word", "char"] = "word"
    ngrams: tuple[int, int] = (1, 2)
    lowercase: bool = True
    norm: Literal["l2", "none"] = "l2"

    @property
    def name(self) -> str:
        return f"{self.column}_{self.analyzer}s"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, slots=True)
class Cross:
    """Every combination of some categories, hashed as ``a×b=va×vb``; null in any gives nothing."""

    parts: tuple[Categorical, ...]

    @property
    def name(self) -> str:
        return CROSS.join(part.name for part in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.column for part in self.parts))


@dataclass(frozen=True, slots=True)
class Vector:
    """A column of Spark ML's vectors: each slot is a feature, but where its value is 0 or NaN.

    Attributes
    ----------
    size : int
        The number of slots.
    names : tuple of str
        Those of the slots; empty if they have none.
    """

    column: str
    size: int
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def slot_name(self, slot: int) -> str:
        """Return the name of the feature of a slot.

        Examples
        --------
        >>> Vector("hashed", 4).slot_name(3)
        'hashed[3]'
        """
        return self.names[slot] if self.names else f"{self.column}[{slot}]"


Feature = Numeric | Categorical | Count | TargetMean | Text | Vector | Cross


def needs_table(feature: Feature) -> bool:
    """Return whether a feature is made by a table of the training rows' values."""
    parts = feature.parts if isinstance(feature, Cross) else (feature,)
    return any(isinstance(part, Lookup | Frequent) for part in parts)


_KINDS: dict[str, type[Numeric | Categorical | Count | TargetMean | Text | Vector]] = {
    "numeric": Numeric,
    "categorical": Categorical,
    "frequent": Frequent,
    "boolean": Boolean,
    "indicator": Indicator,
    "binned": Binned,
    "count": Count,
    "target": TargetMean,
    "date": DatePart,
    "text": Text,
    "vector": Vector,
}
_TUPLES = ("edges", "names", "ngrams")
_KIND_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_plain(feature: Feature) -> dict[str, Any]:
    """Convert a feature to plain JSON values.

    Examples
    --------
    >>> to_plain(DatePart("departure", "hour"))
    {'kind': 'date', 'column': 'departure', 'part': 'hour'}
    """
    if isinstance(feature, Cross):
        return {"kind": "cross", "parts": [to_plain(part) for part in feature.parts]}
    return {"kind": _KIND_NAMES[type(feature)], **asdict(feature)}


def from_plain(plain: Mapping[str, Any]) -> Feature:
    """Rebuild the feature that `to_plain` converted."""
    if plain["kind"] == "cross":
        return Cross(tuple(cast(Categorical, from_plain(part)) for part in plain["parts"]))
    options = {name: value for name, value in plain.items() if name != "kind"}
    options |= {name: tuple(options[name]) for name in _TUPLES if name in options}
    return _KINDS[plain["kind"]](**options)


def columns_of(features: tuple[Feature, ...]) -> tuple[str, ...]:
    """Return every column that the features read, once, in the order of the features."""
    return tuple(dict.fromkeys(column for feature in features for column in feature.columns))
