"""Columns computed by functions of Arrow arrays, on every supported Spark.

From 4.1 these are Arrow UDFs. Spark 3.5 and 4.0 have none: there whole rows go through
``mapInArrow``, which gives a function the same arrays; only functions that queries call by name
are pandas UDFs, since a query has no place for ``mapInArrow``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col
from pyspark.sql.pandas import functions as udfs
from pyspark.sql.types import DataType, StructField, StructType

from petafit.errors import ContractError

OnArrays = Callable[..., pa.Array]

_HAS_ARROW_UDFS = hasattr(udfs, "arrow_udf")
_EXACT = 2**53
"""Up to here float64 holds every integer."""


@dataclass(frozen=True)
class ArrowColumn:
    """A column that a function of Arrow arrays computes.

    Attributes
    ----------
    function : callable
        Takes an array for each input, and returns one of the same length.
    inputs : sequence of str
        Columns, or paths within them, as SQL writes them.
    returns : DataType
        Spark's type of the result.
    """

    function: OnArrays
    inputs: Sequence[str]
    returns: DataType


def with_arrow_columns(frame: DataFrame, columns: Mapping[str, ArrowColumn]) -> DataFrame:
    """Return a frame with computed columns added, or put in place of those of the same name."""
    if not _HAS_ARROW_UDFS:
        return _mapped(frame, columns)
    return frame.withColumns(
        {
            name: _arrow_udf(made.function, made.returns)(*made.inputs)
            for name, made in columns.items()
        }
    )


def register(session: SparkSession, name: str, function: OnArrays, returns: DataType) -> None:
    """Let queries of a session call a function of Arrow arrays by a name.

    Before 4.1 queries cannot tell NaN from null among its inputs and results.
    """
    if _HAS_ARROW_UDFS:
        session.udf.register(name, _arrow_udf(function, returns))
        return

    def called(*columns: pd.Series) -> pd.Series:
        made = function(*(_from_series(name, column) for column in columns))
        return made.to_pandas(integer_object_nulls=True)

    make: Any = udfs.pandas_udf
    session.udf.register(name, make(called, returns))


def _arrow_udf(function: OnArrays, returns: DataType) -> Any:
    make: Any = udfs.arrow_udf  # its stubs require a function type, which its code warns against
    return make(function, returns)


def _mapped(frame: DataFrame, columns: Mapping[str, ArrowColumn]) -> DataFrame:
    """Send whole rows through the workers; columns are numbered, since names may hold dots."""
    kept = [f"c{i}" for i in range(len(frame.columns))]
    inputs = [col(path) for made in columns.values() for path in made.inputs]
    numbers = [f"i{i}" for i in range(len(inputs))]
    numbered = frame.select("*", *inputs).toDF(*kept, *numbers)
    fields = [StructField(f"c{i}", field.dataType) for i, field in enumerate(frame.schema.fields)]
    fields += [StructField(f"m{i}", made.returns) for i, made in enumerate(columns.values())]
    functions = [(made.function, len(made.inputs)) for made in columns.values()]
    mapped = numbered.mapInArrow(partial(_computed, functions, len(kept)), StructType(fields))
    places = {name: f"m{i}" for i, name in enumerate(columns)}
    named = zip(frame.columns, kept, strict=True)
    names = [*((name, places.pop(name, place)) for name, place in named), *places.items()]
    return mapped.select(*(col(place).alias(name) for name, place in names))


def _computed(
    functions: Sequence[tuple[OnArrays, int]], kept: int, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yield batches with the first `kept` columns, then what each function makes of its inputs."""
    for batch in batches:
        arrays, rest = batch.columns[:kept], iter(batch.columns[kept:])
        made = [function(*(next(rest) for _ in range(count))) for function, count in functions]
        names = [*batch.schema.names[:kept], *(f"m{i}" for i in range(len(made)))]
        yield pa.RecordBatch.from_arrays([*arrays, *made], names)


def _from_series(name: str, column: pd.Series) -> pa.Array:
    """Return what a pandas UDF was given as an Arrow array.

    Integers with nulls come as floats, in which large ones have lost digits.

    Raises
    ------
    ContractError
        There are integers beyond 2^53, or floats that cannot be told from them.
    """
    values = column.to_numpy()
    if values.dtype == np.float64:
        valid = values[np.isfinite(values)]
        rounded = valid[(np.abs(valid) > _EXACT) & (valid == np.floor(valid))]
        if len(rounded) and np.isnan(values).any():
            raise ContractError(
                f"Spark before 4.1 rounds integers beyond 2^53 beside nulls, here for {name}",
                got=f"{rounded[0]:.0f}",
                hint="Replace the nulls in the query (`coalesce`), or use Spark 4.1 or newer.",
            )
    array = pa.Array.from_pandas(column)
    return array.cast(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(array.type) else array
