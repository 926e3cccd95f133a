"""Statistics of the whole training table for scaling, labels and reports."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

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
    """

    rows: int | None
    weight: float | None
    columns: Mapping[str, ColumnStatistics]
    classes: tuple[Scalar, ...] | None = None
    class_counts: tuple[float, ...] | None = None
    label: ColumnStatistics | None = None

    @property
    def present(self) -> tuple[int, ...]:
        """Return the positions of classes that occur in training rows; of all if not counted."""
        counts = self.class_counts or (1,) * len(self.classes or ())
        return tuple(place for place, count in enumerate(counts) if count)

    def to_state_dict(self) -> StateDict:
        return StateDict(params=asdict(self))

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
