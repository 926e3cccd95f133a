"""Split of rows by a hash of their keys, independent of files, engine and row order."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from petafit.errors import ConfigurationError, ContractError, did_you_mean
from petafit.table.types import canonical, has_column
from petafit.table.values import missing, one_zero

_IS = pa.types

_HASHED: tuple[Callable[[pa.DataType], bool], ...] = (
    _IS.is_string,
    _IS.is_binary,
    _IS.is_boolean,
    _IS.is_integer,
    _IS.is_floating,
    _IS.is_decimal,
    _IS.is_date,
    _IS.is_time,
    _IS.is_timestamp,
    _IS.is_null,
)
"""Types whose values have a unique text or byte representation."""


@dataclass(frozen=True, slots=True)
class KeyShare:
    """The rows whose hashed keys fall into the held-out share, or all others.

    A row is held out by its keys alone. One whose keys are all null or NaN never is: the contract
    leaves such rows out of training (`petafit.table.rules.SomeKey`).
    """

    keys: tuple[str, ...]
    share: float
    held_out: bool

    def check(self, schema: pa.Schema) -> None:
        """Refuse, before any row is read, keys that cannot split a table's rows.

        Raises
        ------
        ContractError
            The table lacks a key.
        ConfigurationError
            A key's type cannot be hashed.
        """
        for key in self.keys:
            if not has_column(schema, key):
                raise ContractError(
                    f"The table has no column {key!r}, named in `keys`",
                    hint=did_you_mean(key, schema.names),
                )
            kind = canonical(schema.field(key).type)
            if not any(fits(kind) for fits in _HASHED):
                raise ConfigurationError(
                    f"The key {key!r} cannot deal rows by `split.test_share`",
                    expected="text, bytes, a boolean, a number, a date or a time",
                    got=kind,
                    hint="Name other `keys`, or divide the rows by `split.train` and `split.test`.",
                )

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Return which rows are selected, (n_rows,)."""
        hashes = np.zeros(batch.num_rows, dtype=np.uint64)
        columns = [batch.column(key) for key in self.keys]
        for column in columns:
            hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + _hashes(column)
        # pandas' hash mixes the low bits well; the multiplication moves them upwards.
        uniform = (hashes >> np.uint64(11)).astype(np.float64) / 2.0**53
        nameless = reduce(pc.and_, map(missing, columns)).to_numpy(zero_copy_only=False)
        return pa.array(((uniform < self.share) & ~nameless) == self.held_out)


def _hashes(column: pa.Array) -> np.ndarray:
    """Return a hash of each row's value, (n_rows,) uint64, hashing each distinct value once.

    Values are hashed as the bytes of their text, which need not be UTF-8.
    """
    if not isinstance(column, pa.DictionaryArray):
        column = _as_bytes(column).dictionary_encode()
    content = pc.fill_null(_as_bytes(column.dictionary), b"")
    hashes = pd.util.hash_array(content.to_numpy(zero_copy_only=False), categorize=False)
    codes = pc.fill_null(column.indices, len(hashes)).to_numpy(zero_copy_only=False)
    return np.append(hashes, np.uint64(0))[codes]


def _as_bytes(values: pa.Array) -> pa.Array:
    values = one_zero(values)
    if not _IS.is_binary(values.type):
        values = values.cast(pa.string())
    return values.cast(pa.binary())
