"""The same functions in Spark: for queries and DataFrames."""

from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql.pandas.functions import arrow_udf

from petafit.functions.derivation import Derivation
from petafit.functions.module import FunctionModule


def register(session: SparkSession, module: FunctionModule) -> None:
    """Let queries of a session call a module's functions by their names."""
    for name in module.functions:
        session.udf.register(name, as_udf(module, name))


def derived(frame: DataFrame, derivation: Derivation) -> DataFrame:
    """Return a frame with the derived columns."""
    module = derivation.module
    made = {name: as_udf(module, name)(*module.functions[name].inputs) for name in derivation.names}
    return frame.withColumns(made)


def as_udf(module: FunctionModule, name: str) -> Callable[..., Column]:
    """Return a function of a module as one on Spark's columns, which works on Arrow arrays."""

    def call(*columns: pa.Array) -> pa.Array:
        # Instants in UTC, as the other streams have them, whatever the session's time zone.
        return module.functions[name].apply([*map(_in_utc, columns)])

    returns = module.functions[name].returns
    made: Callable[..., Column] = arrow_udf(call, returns)  # type: ignore[call-overload]
    return made


def _in_utc(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp("us", "UTC"))
    return column
