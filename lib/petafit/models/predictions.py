"""The columns of predictions: every row with its prediction, or with the reason why it has none."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.errors import ConfigurationError
from petafit.features.classes import class_array
from petafit.learners.arrays import finite_rows
from petafit.models.signature import Signature
from petafit.table.columns import Spellings, table_schema

OK = "ok"

DISTANCE = "center_distance"
"""The column with the distance of a row from its cluster's center."""


@dataclass(frozen=True)
class PredictionColumns:
    """The columns of a table of predictions.

    Attributes
    ----------
    kept : pyarrow.Schema
        Columns copied from the scored table: keys, label, partition columns.
    stamps : mapping of str to str or int
        Columns with one value for all rows: the model and the run of the predictions.
    """

    kept: pa.Schema = field(default_factory=lambda: pa.schema([]))
    stamps: Mapping[str, str | int] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse a copied column whose name is one of the predictions' columns.

        Raises
        ------
        ConfigurationError
            Names the column.
        """
        for name in ("prediction", "probability", DISTANCE, "row_status", *self.stamps):
            for kept in Spellings(self.kept.names).alike(name):
                raise ConfigurationError(
                    f"The column {kept!r} has the name of one that predictions have",
                    hint="Rename it in the table, or leave it out.",
                )

    def schema(self, model: Signature) -> pa.Schema:
        """Return the columns in order.

        Only a model that predicts it has ``probability``, and only one of centers their distance.
        """
        prediction = pa.int32() if model.kind == "clusterer" else pa.float64()
        if model.classes is not None:
            prediction = pa.array(class_array(model.classes)).type
        fields = [*table_schema(self.kept), pa.field("prediction", prediction)]
        if model.output == "probability":
            binary = len(model.classes or ()) == 2
            kind = pa.float64() if binary else pa.list_(pa.float64())
            fields.append(pa.field("probability", kind))
        if model.output == "cluster":
            fields.append(pa.field(DISTANCE, pa.float64()))
        fields += [pa.field(name, pa.scalar(value).type) for name, value in self.stamps.items()]
        return pa.schema([*fields, pa.field("row_status", pa.string())])

    def batch(self, rows: pa.RecordBatch, model: Signature) -> pa.RecordBatch:
        """Return predictions for some rows; a row that cannot be predicted has a reason instead."""
        reasons = model.checks.reasons(rows)
        good = None if reasons is None else pc.is_null(reasons)
        predicted = rows if good is None else rows.filter(good)
        predictions = model.predict_batch(predicted)
        decided = model.decided(predicted, predictions)
        finite = finite_rows(predictions)
        if not finite.all():
            reasons = _with_reasons(reasons, good, finite, model.no_prediction)
            good, predictions = pc.is_null(reasons), predictions[finite]
            decided = None if decided is None else decided[finite]
        columns: dict[str, pa.Array] = {name: rows.column(name) for name in self.kept.names}
        columns["prediction"] = _spread(pa.array(model.decide(predictions, decided)), good)
        if model.output == "probability":
            columns["probability"] = _spread(_as_column(predictions), good)
        if model.output == "cluster":
            columns[DISTANCE] = _spread(pa.array(predictions[:, 1]), good)
        for name, value in self.stamps.items():
            columns[name] = pa.repeat(value, rows.num_rows)
        columns["row_status"] = _status(reasons, rows.num_rows)
        schema = self.schema(model)
        arrays = [_as_type(columns[field.name], field.type) for field in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _spread(values: pa.Array, good: pa.BooleanArray | None) -> pa.Array:
    """Place the values of valid rows among all rows, null elsewhere."""
    if good is None:
        return values
    place = pc.subtract(pc.cumulative_sum(good.cast(pa.int64())), 1)
    return values.take(pc.if_else(good, place, None))


def _with_reasons(
    reasons: pa.StringArray | None,
    good: pa.BooleanArray | None,
    finite: np.ndarray,
    reason: str,
) -> pa.StringArray:
    """Return the rows' reasons, and one for valid rows whose prediction is not finite."""
    own = _spread(pc.if_else(pa.array(finite), pa.scalar(None, pa.string()), reason), good)
    return own if reasons is None else pc.coalesce(reasons, own)


def _as_column(predictions: np.ndarray) -> pa.Array:
    """Return (n_rows,) as doubles, (n_rows, n) as lists of n doubles."""
    if predictions.ndim == 1:
        return pa.array(predictions)
    width = predictions.shape[1]
    offsets = np.arange(0, predictions.size + 1, width, dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(predictions.ravel()))


def _status(reasons: pa.StringArray | None, rows: int) -> pa.StringArray:
    if reasons is None:
        return pa.repeat(OK, rows)
    status = pc.binary_join_element_wise("quarantined", reasons, ": ")
    return pc.coalesce(status, pa.scalar(OK))


def _as_type(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values if values.type == kind else values.cast(kind)
