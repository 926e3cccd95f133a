"""The profile of a table: statistics of all rows, from one pass before the training."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.aggregate.aggregator import Aggregator
from petafit.config.feature_groups import UnicodeForm
from petafit.config.section import Scalar
from petafit.errors import ConfigurationError, ContractError, EmptyInputError
from petafit.features.cells import CellSums
from petafit.features.column_statistics import ColumnMoments, ColumnStatistics, TableStatistics
from petafit.features.completion import quantile_binned
from petafit.features.encoding.numeric import numbers, raw_values
from petafit.features.encoding.target import class_labels, label_numbers, plain_labels, row_weights
from petafit.features.feature import Feature, IndicatorIfTelling, Numeric
from petafit.features.lookup_sums import LookupSums, class_numbers
from petafit.features.quantiles import QuantileSketch, cells_for
from petafit.features.unicode_form import hint_of_form
from petafit.store.arrays import StateDict

MOST_CLASSES = 1000
"""Limit of the classes found in a label: with 2**18 features their weights take 1 GB."""


class Profile(Aggregator[StateDict, pa.RecordBatch, TableStatistics]):
    """Statistics of the numeric features and of the label, over raw record batches; exact.

    Parameters
    ----------
    features : sequence of Feature
    label : str, optional
        None: the features alone.
    kind : {"classes", "number"}, optional
        Kind of the label.
    weight : str, optional
        The column of the rows' weights: a row of weight n counts as n rows, one of weight 0 as
        none, whatever it holds.
    classes : sequence, optional
        All classes, in order; by default the classes found, sorted.
    unicode : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form of `classes`, to which text labels are normalized.
    keys : sequence of str
        Columns that deal rows to the folds of means of the label.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        label: str | None = None,
        kind: Literal["classes", "number"] | None = None,
        weight: str | None = None,
        classes: Sequence[Scalar] | None = None,
        unicode: UnicodeForm | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        self.numerics = tuple(f for f in features if isinstance(f, Numeric))
        self.binned = quantile_binned(features)
        self.lookups = LookupSums(features, keys=keys, form=unicode)
        self._has_optional = any(isinstance(f, IndicatorIfTelling) for f in features)
        self.label, self.kind, self.weight = label, kind, weight
        self.classes = None if classes is None else tuple(classes)
        self.unicode = unicode

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read."""
        others = (name for name in (self.label, self.weight) if name is not None)
        own = (feature.column for of in (self.numerics, self.binned) for feature in of)
        return tuple(dict.fromkeys([*own, *self.lookups.columns, *others]))

    @property
    def known(self) -> TableStatistics | None:
        """Return the statistics if the features and the label need nothing from the table.

        Weights must be read: rows that all weigh 0 cannot be learnt from.
        """
        if (
            self.weight is not None
            or (self.label is not None and self.classes is None)
            or any(f.needs_statistics for f in self.numerics)
            or self.binned
            or self._has_optional
            or self.lookups.columns
        ):
            return None
        return TableStatistics(rows=None, weight=None, columns={}, classes=self.classes)

    def start(self, model: StateDict | None = None) -> StateDict:
        n_columns = len(self.numerics) + (self.kind == "number")
        weighted = self.weight is not None
        moments = ColumnMoments.empty(n_columns, weighted=weighted)
        sketches = [QuantileSketch.empty(cells_for(f.bins), weighted=weighted) for f in self.binned]
        looked_up = self.lookups.empty(weighted=weighted)
        return self._summary(moments, [*sketches, *looked_up], {}, rows=0, weight=0.0)

    def reduce(self, state: StateDict, batch: pa.RecordBatch) -> StateDict:
        weight = None
        if self.weight is not None:
            weight = row_weights(batch.column(self.weight), self.weight)
            if not weight.all():
                batch, weight = batch.filter(pa.array(weight != 0)), weight[weight != 0]
        values = [raw_values(f, batch.column(f.column)) for f in self.numerics]
        counts: dict[Scalar, float] = {}
        label = None
        if self.label is not None and self.kind == "number":
            label = label_numbers(batch.column(self.label), self.label)
            values.append(label)
        elif self.label is not None:
            labels = class_labels(batch.column(self.label), self.label, self.unicode)
            counts = _count(labels, weight, self.label)
            label = class_numbers(labels) if self.lookups.needs_label else None
        rows = batch.num_rows
        total = float(rows if weight is None else weight.sum())
        sketches = [
            before.of_more(numbers(batch.column(f.column)), weight)
            for f, before in zip(self.binned, self._sketches(state), strict=True)
        ]
        looked_up = self.lookups.of_rows(self.lookups.within(state), batch, label, weight)
        moments, cells = ColumnMoments.of(values, weight), [*sketches, *looked_up]
        return self.merge(state, self._summary(moments, cells, counts, rows=rows, weight=total))

    def lift(self, state: StateDict) -> StateDict:
        return state

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        """Merge two summaries.

        Raises
        ------
        ConfigurationError
            The label has more values than a model should have classes.
        """
        counts = _counts(left)
        for label, count in _counts(right).items():
            counts[label] = counts.get(label, 0) + count
        if len(counts) > max(MOST_CLASSES, len(self.classes or ())):
            raise ConfigurationError(
                f"The label {self.label!r} has more than {MOST_CLASSES:,} classes, each of which "
                "gets weights for all features",
                expected="at most this number, or all named in `label.classes`",
                hint="For a number set `label.kind: number` and choose a regressor; of many "
                "classes keep the frequent ones by `table.filter`, or make the rest one class.",
            )
        return self._summary(
            ColumnMoments.from_state_dict(left).merge(ColumnMoments.from_state_dict(right)),
            [a.merge(b) for a, b in zip(self._cells(left), self._cells(right), strict=True)],
            counts,
            rows=int(left.arrays["rows"] + right.arrays["rows"]),
            weight=float(left.arrays["weight"] + right.arrays["weight"]),
        )

    def finish(self, summary: StateDict, model: StateDict | None = None) -> TableStatistics:
        """Return the statistics.

        Raises
        ------
        EmptyInputError
            There were no rows, or none with weight.
        ContractError
            A column has infinite values; the label has unknown classes, or one class only.
        """
        rows = int(summary.arrays["rows"])
        if rows == 0:
            raise no_rows(self.weight)
        moments = ColumnMoments.from_state_dict(summary).statistics()
        columns = {
            f.column: statistics for f, statistics in zip(self.numerics, moments, strict=False)
        }
        label = moments[-1] if self.kind == "number" else None
        _refuse_infinite({**columns, str(self.label): label} if label else columns)
        counts = _counts(summary)
        classes = self._all_classes(counts) if self.kind == "classes" else None
        return TableStatistics(
            rows=rows,
            weight=float(summary.arrays["weight"]),
            columns=columns,
            classes=classes,
            class_counts=None if classes is None else tuple(counts.get(c, 0) for c in classes),
            label=label,
            edges={
                feature.name: sketch.edges(feature.bins)
                for feature, sketch in zip(self.binned, self._sketches(summary), strict=True)
            },
            tables=self.lookups.tables(self.lookups.within(summary), classes),
        )

    def _sketches(self, summary: StateDict) -> list[QuantileSketch]:
        return [
            QuantileSketch.from_state_dict(summary, feature.name, cells_for(feature.bins))
            for feature in self.binned
        ]

    def _cells(self, summary: StateDict) -> list[CellSums]:
        return [*self._sketches(summary), *self.lookups.within(summary)]

    def _summary(
        self,
        moments: ColumnMoments,
        cells: Sequence[CellSums],
        counts: Mapping[Scalar, float],
        *,
        rows: int,
        weight: float,
    ) -> StateDict:
        classes, kind = sorted(counts), np.int64 if self.weight is None else np.float64
        arrays = {
            "rows": np.array(rows, np.int64),
            "weight": np.array(weight, np.float64),
            "class_counts": np.array([counts[label] for label in classes], kind),
        }
        names = (feature.name for of in (self.binned, self.lookups.features) for feature in of)
        for name, sums in zip(names, cells, strict=True):
            arrays |= sums.to_arrays(name)
        return moments.to_state_dict() | StateDict(arrays, {"classes": classes})

    def _all_classes(self, counts: Mapping[Scalar, float]) -> tuple[Scalar, ...]:
        classes = tuple(counts) if self.classes is None else self.classes
        unknown = [label for label in counts if label not in classes]
        if unknown:
            raise ContractError(
                f"The label {self.label!r} has values that are no known class",
                expected=f"one of {list(classes)}",
                got=unknown[:10],
                hint=hint_of_form(unknown, classes)
                or "Add them to `label.classes`, or filter such rows.",
            )
        if len(counts) < 2:
            raise ContractError(
                f"The label {self.label!r} has one class only",
                expected="rows of two classes or more",
                got=list(counts),
            )
        return classes


def no_rows(weight: str | None) -> EmptyInputError:
    """Return the error for a table without usable rows; `weight` names the column of weights."""
    if weight is None:
        return EmptyInputError("No rows to profile", hint="Check `table` and `split.train`.")
    return EmptyInputError(
        f"No row has weight: {weight!r} is 0 in all of them, or there are none",
        hint="Check `table` and `split.train`; name another column as `weight`, or none.",
    )


def _counts(summary: StateDict) -> dict[Scalar, float]:
    return dict(
        zip(summary.params["classes"], summary.arrays["class_counts"].tolist(), strict=True)
    )


def _count(labels: pa.Array, weight: np.ndarray | None, name: str) -> dict[Scalar, float]:
    """Return the number of rows of each class, or the sum of their weights."""
    if weight is None:
        found = pc.value_counts(labels)
        classes, counts = found.field("values"), found.field("counts")
    else:
        coded = labels.dictionary_encode()
        classes = coded.dictionary
        counts = pa.array(np.bincount(coded.indices, weight, minlength=len(classes)))
    return dict(zip(plain_labels(classes, name), counts.to_pylist(), strict=True))


def _refuse_infinite(columns: Mapping[str, ColumnStatistics]) -> None:
    for name, statistics in columns.items():
        if not np.isfinite(
            [statistics.mean, statistics.sd, statistics.minimum, statistics.maximum]
        ).all():
            raise ContractError(
                f"The column {name!r} has infinite values, or values too large to average",
                hint=f"Filter such rows, or set limits in `contract.columns.{name}`.",
            )
