"""MLlib's estimators take frames: good rows with a label as double, predictions as a column."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from petafit.errors import ConfigurationError
from petafit.features.encode import Encoder
from petafit.features.stages import FEATURES
from petafit.learners import mllib
from petafit.learners.learner import PREDICTION
from petafit.stream.scan import ScanSource
from petafit.table.contract import Checks
from petafit.table.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def training_frame(source: ScanSource, checks: Checks, encoder: Encoder) -> "DataFrame":
    """The rows that meet the contract, with the encoder's label as the column an estimator learns.

    Weights, where there are any, stay under their own name.

    Raises
    ------
    ConfigurationError
        A column has the name of one that MLlib's stages add.
    """
    for name in (FEATURES, mllib.LABEL, PREDICTION):
        if name in source.schema.names:
            raise ConfigurationError(
                f"The column {name!r} has the name of one that MLlib's stages add",
                hint="Rename it in the table.",
            )
    wanted = map(quoted, source.schema.names)
    schema = (
        source.driver_frame().selectExpr(*wanted, f"CAST(NULL AS DOUBLE) AS {mllib.LABEL}").schema
    )
    rows = to_arrow_schema(StructType(schema.fields[:-1]), timezone="UTC")
    task = partial(_labelled, source.unbound(), checks, encoder, rows)
    return source.driver_frame().mapInArrow(task, schema)


def with_predictions(source: ScanSource, uri: str) -> ScanSource:
    """A source that carries a stored model's predictions beside its own columns."""
    frame = mllib.predictions(mllib.load(uri), source.driver_frame())
    number = frame.schema[PREDICTION].dataType.typeName() == "double"
    kind = pa.float64() if number else pa.list_(pa.float64())
    return replace(source, frame=frame, schema=source.schema.append(pa.field(PREDICTION, kind)))


def _labelled(
    source: ScanSource,
    checks: Checks,
    encoder: Encoder,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """Good rows in the types that Spark gave them, which lacks some of a table's."""
    for batch in source.received(batches):
        good, _ = checks.split(batch)
        labels, _ = encoder.targets(good)
        yield good.cast(schema).append_column(mllib.LABEL, pa.array(labels, pa.float64()))
