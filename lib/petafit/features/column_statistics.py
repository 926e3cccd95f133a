"""Statistics of the training table for scaling, labels and reports, from moments that merge."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np

from petafit.compiled import njit
from petafit.config.section import Scalar
from petafit.store.arrays import StateDict


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Statistics of a numeric column over its non-missing values; 0 if there are none.

    A row of weight n counts as n rows.

    Attributes
    ----------
    count, missing : int or float
        Numbers of values, and of nulls and NaNs; sums of weights for weighted rows.
    mean, sd, minimum, maximum : float
        In the column's unit, or that of ``log1p`` if the feature uses it; `sd` is the population
        standard deviation, and exactly 0 for a constant column.
    """

    count: float
    missing: float
    mean: float
    sd: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """The statistics of a training table.

    Attributes
    ----------
    rows : int or None
        Number of rows with weight; None if they were not counted, since no statistics were needed.
    weight : float or None
        The sum of the rows' weights; the number of rows without a weight column.
    columns : mapping of str to ColumnStatistics
        By the column's name, for each numeric feature.
    classes : tuple or None
        Every class of the label, in the order of the model's outputs.
    class_counts : tuple of int or float, or None
        Rows of each class; sums of weights for weighted rows.
    label : ColumnStatistics or None
        Statistics of a numeric label.
    edges : mapping of str to tuple of float
        Cut points by the name of each feature of quantile bins; not stored, since the encoder puts
        them into its features.
    tables : mapping of str to ValueTable
        By the name of each feature that is looked up; the encoder stores them.
    """

    rows: int | None
    weight: float | None
    columns: Mapping[str, ColumnStatistics]
    classes: tuple[Scalar, ...] | None = None
    class_counts: tuple[float, ...] | None = None
    label: ColumnStatistics | None = None
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def present(self) -> tuple[int, ...]:
        """Return the positions of classes that occur in training rows; of all if not counted."""
        counts = self.class_counts or (1,) * len(self.classes or ())
        return tuple(place for place, count in enumerate(counts) if count)

    def to_state_dict(self) -> StateDict:
        params = asdict(replace(self, edges={}, tables={}))
        del params["edges"], params["tables"]
        return StateDict(params=params)

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        plain = dict(named.params)
        classes, counts, label = plain["classes"], plain["class_counts"], plain["label"]
        return cls(
            rows=plain["rows"],
            weight=plain["weight"],
            columns={
                name: ColumnStatistics(**statistics)
                for name, statistics in plain["columns"].items()
            },
            classes=None if classes is None else tuple(classes),
            class_counts=None if counts is None else tuple(counts),
            label=None if label is None else ColumnStatistics(**label),
        )


def merged_moments(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """Merge by the pairwise update of Chan, Golub and LeVeque (1979), eq. 2.1.

    With the weights n1, n2, the means a1, a2, their difference d = a2 - a1 and the sums of squared
    distances S1, S2, the merged mean is ``a1 + d n2 / (n1 + n2)``, and the merged sum of squares
    ``S1 + S2 + d**2 n1 n2 / (n1 + n2)``. `petafit.learners.ridge.gram` has the form for products,
    `petafit.learners.sklearn.merging.moments` that for variances.

    Parameters
    ----------
    left, right : mapping of str to ndarray
        ``weight``, ``mean`` and ``squares``, which broadcast.
    """
    weight = left["weight"] + right["weight"]
    share = right["weight"] / np.where(weight, weight, 1)
    distance = right["mean"] - left["mean"]
    spread = distance**2 * left["weight"] * share
    return {
        "weight": weight,
        "mean": left["mean"] + distance * share,
        "squares": left["squares"] + right["squares"] + spread,
    }


@dataclass(frozen=True, slots=True)
class ColumnMoments:
    """Moments of each column, over its non-missing values.

    Attributes
    ----------
    count, missing : ndarray of int64 or float64, shape (n_columns,)
        Numbers of values and of missing ones; sums of weights for weighted rows.
    mean, squares : ndarray of float64, shape (n_columns,)
        `squares` is the (weighted) sum of squared distances from the mean.
    minimum, maximum : ndarray of float64, shape (n_columns,)
        inf and -inf without values.
    """

    count: np.ndarray
    missing: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray

    @classmethod
    def empty(cls, n_columns: int, *, weighted: bool = False) -> Self:
        kind = np.float64 if weighted else np.int64
        return cls(
            count=np.zeros(n_columns, kind),
            missing=np.zeros(n_columns, kind),
            mean=np.zeros(n_columns),
            squares=np.zeros(n_columns),
            minimum=np.full(n_columns, np.inf),
            maximum=np.full(n_columns, -np.inf),
        )

    @classmethod
    def of(cls, columns: list[np.ndarray], weight: np.ndarray | None = None) -> Self:
        """Compute moments of float64 columns with NaN as missing; infinities give infinite moments.

        Parameters
        ----------
        weight : ndarray of float64, shape (n_rows,), optional
            The rows' weights, all above 0.
        """
        moments = cls.empty(len(columns), weighted=weight is not None)
        for at, column in enumerate(columns):
            found = _moments(column) if weight is None else _weighted_moments(column, weight)
            for name, value in zip(cls.__slots__, found, strict=True):
                getattr(moments, name)[at] = value
        return moments

    def merge(self, other: Self) -> Self:
        """Merge two; a side without values leaves the other unchanged, bit for bit."""
        own, others = (
            {"weight": side.count, "mean": side.mean, "squares": side.squares}
            for side in (self, other)
        )
        with np.errstate(invalid="ignore", over="ignore"):
            merged = merged_moments(own, others)
        sides = [self.count == 0, other.count == 0]
        return type(self)(
            count=merged["weight"],
            missing=self.missing + other.missing,
            mean=np.select(sides, [other.mean, self.mean], merged["mean"]),
            squares=np.select(sides, [other.squares, self.squares], merged["squares"]),
            minimum=np.minimum(self.minimum, other.minimum),
            maximum=np.maximum(self.maximum, other.maximum),
        )

    def statistics(self) -> list[ColumnStatistics]:
        """Return the statistics of each column."""
        columns = zip(*(getattr(self, name).tolist() for name in self.__slots__), strict=True)
        return [_statistics_of(*column) for column in columns]

    def to_state_dict(self) -> StateDict:
        return StateDict({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        return cls(*(named.arrays[name] for name in cls.__slots__))


@njit
def _moments(column: np.ndarray) -> tuple[int, int, float, float, float, float]:
    """Return counts of values and of missing ones, mean, squares, minimum and maximum."""
    count, total, minimum, maximum = 0, 0.0, np.inf, -np.inf
    for value in column:
        present = not np.isnan(value)
        count += present
        total += value if present else 0.0
        minimum = value if value < minimum else minimum
        maximum = value if value > maximum else maximum
    mean = total / max(count, 1)
    squares = 0.0
    for value in column:
        distance = 0.0 if np.isnan(value) else value - mean
        squares += distance * distance
    return count, len(column) - count, mean, squares, minimum, maximum


@njit
def _weighted_moments(
    column: np.ndarray, weight: np.ndarray
) -> tuple[float, float, float, float, float, float]:
    """Return the same as `_moments`, with a weight above 0 for each row."""
    count, missing, total, minimum, maximum = 0.0, 0.0, 0.0, np.inf, -np.inf
    for row in range(len(column)):
        value = column[row]
        if np.isnan(value):
            missing += weight[row]
            continue
        count += weight[row]
        total += weight[row] * value
        minimum, maximum = min(minimum, value), max(maximum, value)
    mean = total / count if count > 0 else 0.0
    squares = 0.0
    for row in range(len(column)):
        distance = 0.0 if np.isnan(column[row]) else column[row] - mean
        squares += weight[row] * distance * distance
    return count, missing, mean, squares, minimum, maximum


def _statistics_of(
    count: float, missing: float, mean: float, squares: float, minimum: float, maximum: float
) -> ColumnStatistics:
    if count == 0:
        return ColumnStatistics(0, missing, 0.0, 0.0, 0.0, 0.0)
    constant = minimum == maximum  # its squares may be rounding errors
    sd = 0.0 if constant else float(np.sqrt(squares / count))
    return ColumnStatistics(count, missing, mean, sd, minimum, maximum)
