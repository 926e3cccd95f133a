"""Conversion of a caller's rows to one Arrow batch of the model's columns."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from petafit.errors import ContractError
from petafit.table.columns import Spellings
from petafit.table.contract import check_schema

Data: TypeAlias = "pd.DataFrame | pa.Table | pa.RecordBatch"

_NOT_ARROWS = (UnicodeError, OverflowError, TypeError)
"""Exceptions raised for lone surrogates, huge numbers, and pandas' sparse columns and periods."""


def as_batch(data: Data, schema: pa.Schema) -> pa.RecordBatch:
    """Select a schema's columns, ignoring the case of their names, and cast them to its types.

    Raises
    ------
    ContractError
        A column is missing or duplicated, or holds a value that its type cannot represent.
    """
    if not isinstance(data, pd.DataFrame | pa.Table | pa.RecordBatch):
        raise ContractError(
            "The rows do not fit the model",
            expected="a pandas DataFrame, or an Arrow Table or RecordBatch",
            got=type(data).__name__,
        )
    table = _of_frame(data, schema) if isinstance(data, pd.DataFrame) else _of_arrow(data, schema)
    check_schema(table.schema, schema)
    try:
        table = table.select(schema.names).cast(schema).combine_chunks()
    except pa.ArrowException as error:
        raise _unfit(error) from error
    return next(iter(table.to_batches()), pa.RecordBatch.from_pylist([], schema=schema))


def _of_frame(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    renamed, spelled = _spelled(list(frame.columns), schema)
    given = pa.schema([field for field in schema if field.name in spelled])
    frame = frame.rename(columns=renamed) if renamed else frame
    try:
        return pa.Table.from_pandas(frame[given.names], schema=given, preserve_index=False)
    except pa.ArrowException as error:
        raise _unfit(error) from error
    except _NOT_ARROWS as error:
        column = _first_unfit(frame, given)
        raise ContractError(
            "The rows do not fit the model", got=f"column {column!r}: {error}"
        ) from error


def _of_arrow(data: pa.Table | pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    renamed, _ = _spelled(data.schema.names, schema)
    table = data if isinstance(data, pa.Table) else pa.Table.from_batches([data])
    return table.rename_columns([renamed.get(name, name) for name in table.schema.names])


def _spelled(names: list[object], schema: pa.Schema) -> tuple[Mapping[str, str], Counter[object]]:
    """Map names to the model's spelling; also return all of the caller's names so spelled."""
    renamed = Spellings(name for name in names if isinstance(name, str)).renamed_to(schema.names)
    spelled: Counter[object] = Counter(
        renamed.get(name, name) if isinstance(name, str) else name for name in names
    )
    repeated = [name for name in schema.names if spelled[name] > 1]
    if repeated:
        raise ContractError(f"The rows have two columns {repeated[0]!r}")
    return renamed, spelled


def _unfit(error: Exception) -> ContractError:
    return ContractError(
        "The rows do not fit the model", got="; ".join(map(str, reversed(error.args)))
    )


def _first_unfit(frame: pd.DataFrame, schema: pa.Schema) -> str | None:
    """Return the first column with values that cannot be converted to its Arrow type."""
    for field in schema:
        try:
            pa.array(frame[field.name], field.type, from_pandas=True)
        except _NOT_ARROWS:
            return str(field.name)
    return None
