"""Stages that Spark runs, on a caller's rows: by the session that is active."""

from typing import Any

import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from petafit.errors import ConfigurationError
from petafit.features.columns import is_vector
from petafit.features.spark.fitted import with_stages
from petafit.features.stages.outputs import OutputColumn
from petafit.features.stages.record import StageRecord
from petafit.spark.failures import in_one_sentence
from petafit.store.filesystem import Folder
from petafit.table.columns import canonical
from petafit.table.filters.literals import quoted

_PLACE = "__petafit_place"


def extended_by_spark(batch: pa.RecordBatch, folder: Folder, record: StageRecord) -> pa.RecordBatch:
    """Return a batch with the columns of a model's stages that Spark runs.

    Raises
    ------
    ConfigurationError
        No session is active, or a stage does not fit the rows.
    StorageError
        The stages are damaged, or of classes that are not Spark's.
    """
    session = SparkSession.getActiveSession()
    if session is None:
        raise ConfigurationError(
            f"Spark runs stages of this model, and no session is active: {record.spark_names}",
            hint="Start one, as by `SparkSession.builder.getOrCreate()`, or use `petafit score`.",
        )
    rows = _collected(session, batch, folder, record)
    for place, column in enumerate(record.of_spark, start=1):
        values = _as_arrow([row[place] for row in rows], column)
        batch = batch.append_column(column.field, values)
    return batch


def _collected(
    session: SparkSession, batch: pa.RecordBatch, folder: Folder, record: StageRecord
) -> list[tuple[Any, ...]]:
    """Return the stages' columns of each row, behind its place, in order."""
    kinds = pa.schema([(name, canonical(batch.schema.field(name).type)) for name in record.reads])
    read = batch.select(kinds.names).cast(kinds)
    places = pa.array(range(batch.num_rows), pa.int64())
    placed = read.append_column(_PLACE, places)
    names = [column.name for column in record.of_spark]
    with in_one_sentence(
        "The stages cannot be applied to these rows", hint="Compare them with the training table."
    ):
        schema = from_arrow_schema(placed.schema, prefer_timestamp_ntz=True)
        frame = session.createDataFrame(placed.to_pylist(), schema)
        made = with_stages(frame, folder, record)
        rows = made.select(_PLACE, *map(quoted, names)).collect()
    return sorted(map(tuple, rows), key=lambda row: row[0])


def _as_arrow(values: list[Any], column: OutputColumn) -> pa.Array:
    if not is_vector(column.type):
        return pa.array(values, column.type)
    kind, names = VectorUDT(), [field.name for field in column.type]
    found = (None if value is None else kind.serialize(value) for value in values)
    rows = [None if each is None else dict(zip(names, each, strict=True)) for each in found]
    return pa.array(rows, column.type)
