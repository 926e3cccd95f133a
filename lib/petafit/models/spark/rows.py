"""The columns of a frame that a model reads, checked before any task runs."""

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField

from petafit.errors import ContractError, did_you_mean
from petafit.models.predictions import PredictionColumns
from petafit.spark.compatibility import schema_of
from petafit.spark.session import case_sensitive
from petafit.stream.scan.sources import arrow_field
from petafit.table.columns import Spellings
from petafit.table.contract import check_schema
from petafit.table.filters.literals import quoted


def columns_of(frame: DataFrame, schema: pa.Schema) -> dict[str, str]:
    """Return a frame's own columns of a schema, quoted, by the names there and in its order.

    Raises
    ------
    ContractError
        A column is missing, occurs twice, or has another type.
    """
    own, exact = Spellings(frame.columns), case_sensitive(frame.sparkSession)
    fields = {field.name: field for field in frame.schema}
    wanted = {}
    for name in schema.names:
        spelled = own.find(name)
        if spelled is None:
            raise ContractError(
                f"The DataFrame has no column {name!r}", hint=did_you_mean(name, frame.columns)
            )
        if len(alike := [each for each in frame.columns if _same(each, spelled, exact)]) > 1:
            raise ContractError(
                "The DataFrame has two columns of one name",
                got=" and ".join(map(repr, alike)),
                hint="Rename or drop one of them.",
            )
        wanted[name] = fields[spelled]
    found = [_arrow_field(field, schema.field(name)) for name, field in wanted.items()]
    check_schema(pa.schema(found), schema)
    return {name: quoted(field.name) for name, field in wanted.items()}


def check_names(frame: DataFrame, predictions: PredictionColumns) -> None:
    """Refuse a frame with a column of a name that predictions have.

    Raises
    ------
    ConfigurationError
        Names the column.
    ContractError
        This Spark cannot describe the frame's columns.
    """
    kept = pa.schema([(name, pa.null()) for name in schema_of(frame).names])
    PredictionColumns(kept, predictions.stamps).check()


def _same(left: str, right: str, exact: bool) -> bool:
    return left == right if exact else left.lower() == right.lower()


def _arrow_field(field: StructField, expected: pa.Field) -> pa.Field:
    found = arrow_field(field)
    if found is None:
        raise ContractError(
            f"The column {field.name!r} has another type",
            expected=expected.type,
            got=field.dataType.simpleString(),
            hint="Cast the column to the type expected.",
        )
    return found.with_name(expected.name)
