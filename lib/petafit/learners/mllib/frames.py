"""DataFrames for MLlib's estimators: valid rows with a double label, predictions as a column."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql.types import StructType

from petafit.errors import ConfigurationError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.spark.stages import FEATURES
from petafit.learners.base import DECISION, PREDICTION
from petafit.learners.mllib import estimators as mllib
from petafit.spark.compatibility import arrow_schema
from petafit.spark.failures import in_one_sentence
from petafit.stream.scan.stream import ScanSource
from petafit.table.columns import Spellings
from petafit.table.contract import Checks
from petafit.table.filters.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def training_frame(source: ScanSource, checks: Checks, encoder: Encoder) -> "DataFrame":
    """Select the rows that meet the contract, with the encoder's label, if any, as double column.

    Classes are numbered among those present in the training rows, since Spark assumes that every
    number below the number of classes occurs. A column of weights keeps its name.

    Raises
    ------
    ConfigurationError
        A column's name collides with one that MLlib's stages add.
    """
    check_names(source.schema.names)
    wanted = [*map(quoted, source.schema.names)]
    label = [] if encoder.label is None else [f"CAST(NULL AS DOUBLE) AS {mllib.LABEL}"]
    schema = source.driver_frame().selectExpr(*wanted, *label).schema
    rows = arrow_schema(StructType(schema.fields[: len(wanted)]))
    frame, unbound = source.for_tasks()
    return frame.mapInArrow(partial(_labelled, unbound, checks, encoder, rows), schema)


def check_names(columns: Iterable[str]) -> None:
    """Refuse columns that collide with those that MLlib's stages add."""
    own = Spellings(columns)
    for name in (FEATURES, mllib.LABEL, PREDICTION, DECISION):
        for column in own.alike(name):
            raise ConfigurationError(
                f"The column {column!r} has the name of one that MLlib's stages add",
                hint="Rename it in the table.",
            )


def with_predictions(source: ScanSource, uri: str, statistics: TableStatistics) -> ScanSource:
    """Return a source with a stored model's predictions and decisions beside its own columns.

    Parameters
    ----------
    statistics : TableStatistics
        Statistics of the model's training rows.

    Raises
    ------
    ConfigurationError
        Spark cannot predict these rows.
    """
    with in_one_sentence(
        "Spark cannot predict with this model",
        hint="Check that the table has the training table's columns and types.",
    ):
        frame = mllib.predictions(mllib.load(uri), source.driver_frame(), statistics)
    number = frame.schema[PREDICTION].dataType.typeName() == "double"
    schema = source.schema.append(
        pa.field(PREDICTION, pa.float64() if number else pa.list_(pa.float64()))
    )
    if statistics.classes is not None:
        schema = schema.append(pa.field(DECISION, pa.float64()))
    return replace(source, frame=frame, schema=schema)


def _labelled(
    source: ScanSource,
    checks: Checks,
    encoder: Encoder,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """Select the valid rows, in Spark's types, which cover fewer types than a table's."""
    for batch in source.receiving(batches).read(0):
        good, _ = checks.split(batch)
        if encoder.label is None:
            yield good.cast(schema)
            continue
        labels, _ = encoder.targets(good)
        if encoder.statistics.classes is not None:
            labels = np.searchsorted(encoder.statistics.present, labels).astype(np.float64)
        yield good.cast(schema).append_column(mllib.LABEL, pa.array(labels, pa.float64()))
