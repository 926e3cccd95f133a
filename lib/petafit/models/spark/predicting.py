"""A model as a function of Arrow arrays, which Spark's workers apply to columns."""

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from petafit.errors import ContractError
from petafit.functions.arrow_columns import ArrowColumn, OnArrays
from petafit.models.callers_rows import as_batch
from petafit.models.portable import PortableModel
from petafit.models.predictions import PredictionColumns


def predictor(sent: PortableModel) -> OnArrays:
    """Return a model as a function that makes structs of its predictions.

    It takes one struct, the model's columns in their order, or named ones.
    """

    def predict(*columns: pa.Array, **named: pa.Array) -> pa.Array:
        model = sent.load()
        rows = as_batch(_given(columns, named, model.schema.names), model.schema)
        rows = model.extended(rows, sent.derivation)
        return PredictionColumns().batch(rows, model).to_struct_array()

    return predict


def judge(sent: PortableModel, names: Sequence[str], inputs: Sequence[str]) -> ArrowColumn:
    """Return what makes predictions of the columns of an MLlib model, and of its checks."""

    def judged(*columns: pa.Array) -> pa.Array:
        rows = pa.RecordBatch.from_arrays([*columns], names=[*names])
        return PredictionColumns().batch(rows, sent.load()).to_struct_array()

    return ArrowColumn(judged, inputs, structs(sent))


def structs(sent: PortableModel) -> StructType:
    """Return Spark's type of a row's predictions."""
    return from_arrow_schema(PredictionColumns().schema(sent.load()))


def _given(
    columns: tuple[pa.Array, ...], named: dict[str, pa.Array], names: list[str]
) -> pa.RecordBatch:
    """Return the rows of one struct, of columns in the model's order, or of named ones.

    Raises
    ------
    ContractError
        There are more columns, or fewer, than the model reads.
    """
    if named:
        return pa.RecordBatch.from_arrays([*named.values()], names=[*named])
    if len(columns) == 1 and pa.types.is_struct(columns[0].type):
        (row,) = columns
        return pa.RecordBatch.from_arrays(row.flatten(), names=[field.name for field in row.type])
    if len(columns) != len(names):
        raise ContractError(
            "The model is given other columns than it reads",
            expected=f"a struct, or {', '.join(names)} in this order",
            got=f"{len(columns)} columns",
        )
    return pa.RecordBatch.from_arrays([*columns], names=names)
