"""Resolved features of a model: columns by name, every option with its value."""

import math
from dataclasses import dataclass
from typing import Literal

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
class Cyclic:
    """The sine or cosine of a part of a date or timestamp in UTC, as a number."""

    column: str
    part: Part
    wave: Literal["sin", "cos"]

    @property
    def name(self) -> str:
        return f"{self.column}_{self.part}_{self.wave}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def first(self) -> int:
        """The smallest value of the part."""
        return _CYCLES[self.part][0]

    @property
    def values(self) -> tuple[float, ...]:
        """The number of each value of the part, from the smallest on."""
        period = _CYCLES[self.part][1]
        wave = math.sin if self.wave == "sin" else math.cos
        return tuple(wave(2 * math.pi * step / period) for step in range(period))


_CYCLES: dict[Part, tuple[int, int]] = {
    "month": (1, 12),
    "day": (1, 31),
    "day_of_week": (0, 7),
    "hour": (0, 24),
    "minute": (0, 60),
}
"""The smallest value of each part that recurs, and how many it has."""


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


Feature = Numeric | Categorical | Cyclic | Count | TargetMean | Text | Vector | Cross


def needs_table(feature: Feature) -> bool:
    """Return whether a feature is made by a table of the training rows' values."""
    parts = feature.parts if isinstance(feature, Cross) else (feature,)
    return any(isinstance(part, Lookup | Frequent) for part in parts)


def columns_of(features: tuple[Feature, ...]) -> tuple[str, ...]:
    """Return every column that the features read, once, in the order of the features."""
    return tuple(dict.fromkeys(column for feature in features for column in feature.columns))
