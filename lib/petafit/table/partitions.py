"""Grouping of rows by partition values, and their spelling in folders and Delta's log."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.errors import ConfigurationError, did_you_mean
from petafit.table.columns import canonical, has_column

Values = tuple[str | None, ...]
"""The values of the partition columns as text; null, and empty text as in Hive, are None."""

_IS = pa.types
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = re.compile(r"""[\x00-\x1f"#%'*/:=?\\\x7f{\[\]^]""")


def check_partitioning(schema: pa.Schema, columns: Sequence[str]) -> None:
    """Refuse invalid partition columns.

    Raises
    ------
    ConfigurationError
        A column is missing, or its type has no agreed text form; or no other column is left.
    """
    for name in columns:
        if not has_column(schema, name):
            raise ConfigurationError(
                f"A table cannot be partitioned by {name!r}, which it does not have",
                hint=did_you_mean(name, schema.names),
            )
        kind = canonical(schema.field(name).type)
        if not divides_tables(kind):
            raise ConfigurationError(
                f"A table cannot be partitioned by {name!r}",
                expected="strings, integers, booleans or dates",
                got=kind,
            )
    if set(columns) >= set(schema.names):
        raise ConfigurationError("A table needs columns beside those it is partitioned by")


def split(batch: pa.RecordBatch, columns: Sequence[str]) -> Iterator[tuple[Values, pa.RecordBatch]]:
    """Return the rows of each partition, without its columns, in an order defined by the rows."""
    rest = batch.drop_columns(list(columns))
    if not columns or not batch.num_rows:
        yield (None,) * len(columns), rest
        return
    keys = [_encoded(batch.column(name)) for name in columns]
    sizes = [len(key.dictionary) for key in keys]
    codes = np.ravel_multi_index([key.indices.to_numpy() for key in keys], sizes)
    texts = [key.dictionary.cast(pa.string()).to_pylist() for key in keys]
    found = np.unique(codes)
    for code in found:
        places = np.unravel_index(code, sizes)
        values = tuple(text[place] or None for text, place in zip(texts, places, strict=True))
        yield values, rest if len(found) == 1 else rest.filter(pa.array(codes == code))


def divides_tables(kind: pa.DataType) -> bool:
    """Return whether readers agree on the text form of a type's values in folders and logs."""
    plain = canonical(kind)
    return any(fits(plain) for fits in (_IS.is_string, _IS.is_integer, _IS.is_boolean, _IS.is_date))


def folder_of(columns: Sequence[str], values: Values) -> str:
    """Return the folder of a partition, as Hive and Spark name it; empty without partition columns.

    Examples
    --------
    >>> folder_of(["month", "city"], ["1", "São Paulo/SP"])
    'month=1/city=São Paulo%2FSP'
    """
    return "/".join(
        f"{_escaped(name)}={NULL_FOLDER if value is None else _escaped(value)}"
        for name, value in zip(columns, values, strict=True)
    )


def _escaped(text: str) -> str:
    # Fewer characters than in a URI: Spark reads %C3%A3 as two letters.
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", text)


def _encoded(values: pa.Array) -> pa.DictionaryArray:
    """Encode values as codes, including one for null."""
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    return pc.dictionary_encode(values, null_encoding="encode")
