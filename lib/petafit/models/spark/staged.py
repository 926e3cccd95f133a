"""The columns that a model takes from functions and from stages that Spark runs, on a frame."""

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

from petafit.features.spark.fitted import with_stages
from petafit.functions.arrow_columns import ArrowColumn
from petafit.functions.spark import derived
from petafit.models.callers_rows import as_batch
from petafit.models.portable import PortableModel
from petafit.models.predictions import PredictionColumns
from petafit.models.signature import Signature
from petafit.models.spark.predicting import structs
from petafit.models.spark.rows import columns_of
from petafit.stream.batches import normalise
from petafit.table.filters.literals import quoted

ROW = "__petafit_given"
"""The column of the rows as they were given."""


def staged(frame: DataFrame, sent: PortableModel, model: Signature) -> DataFrame:
    """Return a frame's rows, packed, beside all that the model's features take from it.

    They are packed since stages add columns of common names.

    Raises
    ------
    ConfigurationError, ContractError, StorageError
        As `columns_of` and `with_stages`.
    """
    read = columns_of(frame, model.schema).items()
    packed = frame.select(F.struct("*").alias(ROW), *(F.col(c).alias(n) for n, c in read))
    if sent.derivation is not None:
        packed = derived(packed, sent.derivation)
    if model.stages is not None and model.stages.in_spark:
        assert sent.version is not None  # stages are published with their model
        packed = with_stages(packed, sent.version.require_stages(), model.stages)
    return packed


def staged_predictions(sent: PortableModel, model: Signature) -> ArrowColumn:
    """Return what makes predictions of the columns that `staged` gives."""
    assert model.stages is not None
    made = [*(model.requirement.schema if model.requirement else ())]
    made += [column.field for column in model.stages.of_spark]
    schema = pa.schema(made)

    def predict(*columns: pa.Array) -> pa.Array:
        loaded = sent.load()
        count = len(loaded.schema)
        raw = pa.RecordBatch.from_arrays([*columns[:count]], names=loaded.schema.names)
        rows = as_batch(raw, loaded.schema)
        added = pa.RecordBatch.from_arrays([*columns[count:]], names=schema.names)
        for field, column in zip(schema, normalise(added, schema).columns, strict=True):
            rows = rows.append_column(field, column)
        return PredictionColumns().batch(loaded.extended(rows, None), loaded).to_struct_array()

    inputs = [quoted(name) for name in (*model.schema.names, *schema.names)]
    return ArrowColumn(predict, inputs, structs(sent))
