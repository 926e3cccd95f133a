"""The ids of users and items, numbered: ALS of Spark's takes whole numbers of 32 bits only."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from petafit.store.arrays import StateDict
from petafit.table.columns import canonical

_UNKNOWN = -1


def stored_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type in which ids of a column are kept: exact for every value; None if none is.

    Examples
    --------
    >>> stored_type(pa.int16()), stored_type(pa.string()), stored_type(pa.float64())
    (DataType(int64), DataType(large_binary), None)
    """
    plain = canonical(kind)
    if pa.types.is_string(plain):
        return pa.large_binary()
    if pa.types.is_integer(plain):
        return pa.uint64() if plain == pa.uint64() else pa.int64()
    return None


@dataclass(frozen=True)
class IdTable:
    """Different ids in ascending order; the number of an id is its position.

    Attributes
    ----------
    ids : pyarrow.Array of int64, uint64 or large_binary
        Texts are kept as UTF-8, and are in the order of their bytes.
    """

    ids: pa.Array

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, parts: Sequence[pa.Array], kind: pa.DataType) -> Self:
        """Return the different ids of some columns, which may be dictionaries.

        Parameters
        ----------
        kind : pyarrow.DataType
            As `stored_type` gives it.
        """
        plain = [decoded(pc.unique(part)).cast(kind) for part in parts]
        ids = pc.unique(pa.concat_arrays([pa.array([], kind), *plain])).drop_null()
        return cls(ids.take(pc.array_sort_indices(ids)))

    def positions(self, column: pa.Array) -> np.ndarray:
        """Return the number of each row's id, -1 where it is unknown, (n_rows,) intp."""
        if not isinstance(column, pa.DictionaryArray):
            if pa.types.is_integer(column.type):
                return self._find(column)
            column = column.dictionary_encode()
        if not len(column.dictionary):
            return np.full(len(column), _UNKNOWN)
        found = self._find(column.dictionary)[column.indices.fill_null(0).to_numpy()]
        return np.where(pc.is_valid(column.indices).to_numpy(zero_copy_only=False), found, _UNKNOWN)

    def as_column(self, positions: np.ndarray) -> pa.Array:
        """Return the ids with these numbers, as whole numbers or text."""
        ids = self.ids.take(pa.array(positions))
        return ids.cast(pa.string()) if self._are_texts else ids

    def to_state_dict(self) -> StateDict:
        if not self._are_texts:
            return StateDict({"numbers": self.ids.to_numpy()})
        compact = pa.concat_arrays([self.ids, pa.array([], self.ids.type)])  # without an offset
        _, offsets, data = compact.buffers()
        ends = np.frombuffer(offsets, np.int64, len(compact) + 1)
        texts = np.frombuffer(data or b"", np.uint8)[: ends[-1]]
        return StateDict({"texts": texts, "ends": ends})

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        """Rebuild the table; what is damaged raises errors of `petafit.features.encoding.stored`.

        Raises
        ------
        ValueError
            The ids are not in ascending order.
        """
        arrays = named.arrays
        if "numbers" in arrays:
            ids = pa.array(arrays["numbers"])
        else:
            texts, ends = np.ascontiguousarray(arrays["texts"]), arrays["ends"]
            if texts.dtype != np.uint8 or ends.dtype != np.int64 or not len(ends):
                raise ValueError(f"texts as {texts.dtype}, their ends as {ends.dtype}")
            if ends[0] != 0 or ends[-1] != len(texts) or (np.diff(ends) < 0).any():
                raise ValueError("ends of texts that are beyond them")
            parts = [None, pa.py_buffer(np.ascontiguousarray(ends)), pa.py_buffer(texts)]
            ids = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends) - 1, parts)
        if ids.type not in (pa.int64(), pa.uint64(), pa.large_binary()):
            raise ValueError(f"ids as {ids.type}")
        if len(ids) > 1 and not pc.all(pc.less(ids[:-1], ids[1:])).as_py():
            raise ValueError("ids that are not in ascending order")
        return cls(ids)

    @property
    def _are_texts(self) -> bool:
        return bool(self.ids.type == pa.large_binary())

    def _find(self, values: pa.Array) -> np.ndarray:
        """Return the numbers of plain values, (n_values,)."""
        if not self._are_texts:
            return self._find_numbers(values)
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            return np.full(len(values), _UNKNOWN)
        wanted = pd.Index(values.cast(pa.large_binary()).to_pylist(), dtype=object)
        return np.asarray(self._index.get_indexer(wanted), np.intp)

    def _find_numbers(self, values: pa.Array) -> np.ndarray:
        if not pa.types.is_integer(values.type) or not len(self.ids):
            return np.full(len(values), _UNKNOWN)
        ids = self.ids.to_numpy()
        valid = pc.is_valid(values).to_numpy(zero_copy_only=False)
        wanted = values.fill_null(0).to_numpy(zero_copy_only=False)
        if wanted.dtype == np.uint64 and ids.dtype == np.int64:
            valid = valid & (wanted <= np.uint64(np.iinfo(np.int64).max))
        elif wanted.dtype.kind == "i" and ids.dtype == np.uint64:
            valid = valid & (wanted >= 0)
        wanted = wanted.astype(ids.dtype)
        places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        return np.where(valid & (ids[places] == wanted), places, _UNKNOWN)

    @cached_property
    def _index(self) -> pd.Index:
        """The texts' numbers by a hash table, which pandas makes at the first look-up."""
        return pd.Index(self.ids.to_pylist(), dtype=object)


def decoded(values: Any) -> pa.Array:
    """Return a column without a dictionary."""
    return values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values
