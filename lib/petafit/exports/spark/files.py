"""Pipelines of Spark ML as files: written by Spark, read back, and asked for predictions."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

from petafit.errors import StorageError
from petafit.exports.linear import LinearForm, Link
from petafit.exports.spark.pipeline import as_pipeline
from petafit.models.signature import Signature
from petafit.spark.compatibility import arrow_table
from petafit.spark.failures import in_one_sentence
from petafit.store.filesystem import Folder

PIPELINE = "pipeline"
"""The folder that `PipelineModel.load` takes."""

_ROWS = "rows.parquet"
_PLACE = "__petafit_place"


def write_pipeline(
    session: SparkSession, model: Signature, form: LinearForm, folder: Folder
) -> None:
    """Write a model's pipeline by Spark's own writers.

    Raises
    ------
    StorageError
        Spark cannot write there.
    ConfigurationError
        The session is one of Spark Connect.
    """
    pipeline = as_pipeline(session, model, form)
    with in_one_sentence("Spark cannot write the pipeline", kind=StorageError):
        pipeline.write().overwrite().save(folder.child(PIPELINE).spark_uri)
    if not folder.child(PIPELINE).files():
        raise StorageError(
            f"No files were written to {folder.uri}",
            hint="On a cluster `export.output` must be storage that all machines share.",
        )


def predicted_by_pipeline(
    session: SparkSession, form: LinearForm, folder: Folder, rows: pa.Table
) -> np.ndarray:
    """Return the predictions of a written pipeline, in the form of `Signature.predict_batch`.

    The rows are in a file while Spark reads them.

    Raises
    ------
    StorageError
        Spark cannot read the pipeline, or apply it.
    """
    placed = rows.append_column(_PLACE, pa.array(np.arange(rows.num_rows)))
    path = f"{folder.path}/{_ROWS}"
    pq.write_table(placed, path, filesystem=folder.filesystem)
    with in_one_sentence("Spark cannot apply the pipeline that it wrote", kind=StorageError):
        pipeline = PipelineModel.load(folder.child(PIPELINE).spark_uri)
        frame = session.read.parquet(f"{folder.spark_uri}/{_ROWS}")
        found = _numbers(arrow_table(_predictions(pipeline, frame, form.link)))
    folder.remove(_ROWS)
    return found


def _predictions(pipeline: PipelineModel, frame: DataFrame, link: Link) -> DataFrame:
    names = {"value": "prediction", "rate": "prediction", "margin": "rawPrediction"}
    made = pipeline.transform(frame)
    value = F.col(names.get(link, "probability"))
    if link not in ("value", "rate"):
        value = vector_to_array(value)
    return made.select(_PLACE, value.alias("value"))


def _numbers(table: pa.Table) -> np.ndarray:
    table = table.sort_by(_PLACE).combine_chunks()
    values = table["value"].combine_chunks()
    if not pa.types.is_list(values.type):
        return np.asarray(values.to_numpy(zero_copy_only=False))
    found = values.flatten().to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)
    # Of two classes petafit's learners give the second one's number.
    return np.asarray(found[:, 1] if found.shape[1] == 2 else found)
