"""What the whole training table says: what scaling, labels and reports need to know of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from petafit.config.section import Scalar
from petafit.store.arrays import StateDict


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Statistics of one numeric column over its values that are not missing; 0 without any.

    A row of weight n counts as n rows.

    Attributes
    ----------
    count, missing : int or float
        Values, and nulls with NaNs; of weighted rows the sums of their weights.
    mean, sd, minimum, maximum : float
        In the column's unit, or in that of ``log1p`` where the feature asks for it; `sd` is the
        population's, and exactly 0 for a constant column.
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
        Those that have weight; None where nothing had to be learnt from the rows, so that nobody
        counted them.
    weight : float or None
        The sum of the rows' weights; the number of rows where there is no weight column.
    columns : mapping of str to ColumnStatistics
        By the column of each numeric feature.
    classes : tuple or None
        Every class of the label, in the order of the model's outputs.
    class_counts : tuple of int or float, or None
        Rows of each class; of weighted rows the sums of their weights.
    label : ColumnStatistics or None
        Statistics of a label that is a number.
    """

    rows: int | None
    weight: float | None
    columns: Mapping[str, ColumnStatistics]
    classes: tuple[Scalar, ...] | None = None
    class_counts: tuple[float, ...] | None = None
    label: ColumnStatistics | None = None

    @property
    def present(self) -> tuple[int, ...]:
        """The positions of the classes that training rows have; of all where nobody counted."""
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
