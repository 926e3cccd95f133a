"""A model's predictions as columns of a DataFrame, and as a function of Spark SQL."""

import re
from collections.abc import Callable
from functools import partial

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)
from pyspark.sql.pandas import functions as udfs
from pyspark.sql.pandas.types import from_arrow_type

from petafit.errors import ConfigurationError
from petafit.functions.arrow_columns import ArrowColumn, register, with_arrow_columns
from petafit.models.portable import PortableModel
from petafit.models.predictions import PredictionColumns
from petafit.models.signature import Signature
from petafit.models.spark.predicting import predictor, structs
from petafit.models.spark.rows import check_names, columns_of
from petafit.models.spark.staged import ROW, staged, staged_predictions

PREDICTED = "__petafit_predicted"
"""The column of structs of predictions."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def transformed(frame: DataFrame, sent: PortableModel) -> DataFrame:
    """Return a frame with a model's predictions; raises like `Model.transform`.

    A function on the columns that the model reads, not on whole rows: Spark keeps the others, and
    does not read those that nobody uses. Stages that Spark runs are applied to the frame before.
    """
    model = sent.load()
    predictions = PredictionColumns(stamps=stamps(sent))
    check_names(frame, predictions)
    if model.stages is not None and model.stages.in_spark:
        predicted = staged_predictions(sent, model)
        made = with_arrow_columns(staged(frame, sent, model), {PREDICTED: predicted})
        return spread(made.select(f"{ROW}.*", PREDICTED), predictions, model)
    inputs = [*columns_of(frame, model.schema).values()]
    predicted = ArrowColumn(predictor(sent), inputs, structs(sent))
    return spread(with_arrow_columns(frame, {PREDICTED: predicted}), predictions, model)


def spread(frame: DataFrame, predictions: PredictionColumns, model: Signature) -> DataFrame:
    """Return a frame with the fields of the column `PREDICTED` as columns, and the stamps."""
    added = {
        field.name: F.lit(predictions.stamps[field.name]).cast(from_arrow_type(field.type))
        if field.name in predictions.stamps
        else F.col(PREDICTED).getField(field.name)
        for field in predictions.schema(model)
    }
    return frame.withColumns(added).drop(PREDICTED)


def registered(session: SparkSession, name: str, sent: PortableModel) -> Callable[..., Column]:
    """Let a session's queries call a model by a name; raises like `Model.register`."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"A function of Spark SQL cannot be called {name!r}",
            expected="letters, digits and '_', no digit first",
        )
    refuse_stages(sent.load())
    if not hasattr(udfs, "arrow_udf"):
        raise ConfigurationError(
            "Spark before 4.1 has no functions of Arrow arrays, as a model is in SQL",
            hint="Use `transform`, and `createOrReplaceTempView` of its result.",
        )
    register(session, name, predictor(sent), structs(sent))
    return partial(F.call_function, name)


def refuse_stages(model: Signature) -> None:
    """Refuse a model with stages that Spark runs: they transform whole DataFrames.

    Raises
    ------
    ConfigurationError
        Names the stages.
    """
    if model.stages is not None and model.stages.in_spark:
        raise ConfigurationError(
            f"No function of SQL can run the stages {model.stages.spark_names}",
            hint="Use `transform`, and `createOrReplaceTempView` of its result.",
        )


def stamps(sent: PortableModel) -> dict[str, str | int]:
    """Return the columns that name the model; none for one that was not published."""
    identity = sent.version.identity if sent.version else {}
    return {f"model_{name}": value for name, value in identity.items()}
