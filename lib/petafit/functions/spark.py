"""The same functions in Spark: for queries and DataFrames."""

from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_type

from petafit.functions import arrow_columns
from petafit.functions.arrow_columns import ArrowColumn, with_arrow_columns
from petafit.functions.derivation import Derivation
from petafit.functions.module import FunctionModule
from petafit.table.filters.literals import quoted


def register(session: SparkSession, module: FunctionModule) -> None:
    """Let queries of a session call a module's functions by their names."""
    for name, function in module.functions.items():
        returns = from_arrow_type(function.field.type)
        arrow_columns.register(session, name, _on_arrays(module, name), returns)


def derived(frame: DataFrame, derivation: Derivation) -> DataFrame:
    """Return a frame with the derived columns."""
    module = derivation.module
    made = {}
    for name in derivation.names:
        function = module.functions[name]
        inputs = [quoted(column) for column in function.inputs]
        made[name] = ArrowColumn(
            _on_arrays(module, name), inputs, from_arrow_type(function.field.type)
        )
    return with_arrow_columns(frame, made)


def _on_arrays(module: FunctionModule, name: str) -> Callable[..., pa.Array]:
    """Return a function of a module as one that takes an Arrow array for each input."""

    def call(*columns: pa.Array) -> pa.Array:
        # Instants in UTC, as the other streams have them, whatever the session's time zone.
        return module.functions[name].apply([*map(_in_utc, columns)])

    return call


def _in_utc(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp("us", "UTC"))
    return column
