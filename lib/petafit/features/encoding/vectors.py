"""Vectors of Spark ML in a batch, sparse and dense ones, as sparse rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from petafit.errors import ContractError
from petafit.features.columns import VECTOR
from petafit.features.encoding.csr import Ragged
from petafit.features.feature import Feature, Vector

_DENSE = 1


class Entries(NamedTuple):
    """The entries of a column of vectors, row by row.

    Attributes
    ----------
    rows, slots : ndarray of int64, shape (n_entries,)
    values : ndarray of float64, shape (n_entries,)
    """

    rows: np.ndarray
    slots: np.ndarray
    values: np.ndarray


def entries_of(column: pa.StructArray, size: int, name: str) -> Entries:
    """Return the entries of a column of vectors, zeros of dense ones among them.

    A null vector has none.

    Raises
    ------
    ContractError
        A vector has another size, or entries that do not fit it.
    """
    kind, sizes, indices, values = (
        field.fill_null(0) if at < 2 else field for at, field in enumerate(column.flatten())
    )
    is_dense = kind.to_numpy(zero_copy_only=False) == _DENSE
    is_there = column.is_valid().to_numpy(zero_copy_only=False)
    counts = values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    listed = indices.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    own = np.where(is_dense, counts, sizes.to_numpy(zero_copy_only=False))
    wrong = is_there & ((own != size) | (~is_dense & (listed != counts)))
    if wrong.any():
        raise _misfit(name, size, int(own[wrong.argmax()]))
    rows = np.repeat(np.arange(len(column)), counts)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    slots = np.arange(len(rows)) - starts
    of_sparse = ~is_dense[rows]
    given = indices.flatten().to_numpy(zero_copy_only=False)
    if of_sparse.any():
        used = np.repeat(~is_dense & is_there, listed)
        slots[of_sparse] = given[used]
        if slots.min() < 0 or slots.max() >= size:
            raise _misfit(name, size, int(slots.max()) + 1)
    return Entries(rows, slots, values.flatten().to_numpy(zero_copy_only=False))


def sparse_vectors(
    entries: Entries, n_rows: int, size: int, there: np.ndarray | None = None
) -> pa.StructArray:
    """Return a column of sparse vectors.

    Parameters
    ----------
    entries : Entries
        Sorted by row and slot.
    there : ndarray of bool, shape (n_rows,), optional
        Which vectors are not null; by default all.
    """
    ends = np.concatenate([[0], np.cumsum(np.bincount(entries.rows, minlength=n_rows))])
    offsets = pa.array(ends.astype(np.int32))
    lists = (
        pa.ListArray.from_arrays(offsets, pa.array(content))
        for content in (entries.slots.astype(np.int32), entries.values.astype(np.float64))
    )
    kinds = pa.array(np.zeros(n_rows, np.int8))
    sizes = pa.array(np.full(n_rows, size, np.int32))
    arrays = [kinds, sizes, *lists]
    return pa.StructArray.from_arrays(
        [array.cast(field.type) for array, field in zip(arrays, VECTOR, strict=True)],
        fields=list(VECTOR),
        mask=None if there is None or there.all() else pa.array(~there),
    )


class VectorBlock:
    """Entries of vectors, behind all other indices.

    Parameters
    ----------
    features : sequence of Feature
        Only vectors are used.
    first : sequence of int
        The index of the first slot of each vector.
    """

    def __init__(self, features: Sequence[Feature], first: Sequence[int]) -> None:
        vectors = [feature for feature in features if isinstance(feature, Vector)]
        self._vectors = list(zip(vectors, first, strict=True))

    def encode(self, batch: pa.RecordBatch, dtype: str) -> Ragged | None:
        """Return the entries that are neither 0 nor NaN, in this dtype; None without any vector.

        Raises
        ------
        ContractError
            A value is infinite, or a vector has another size than those of the training.
        """
        if not self._vectors:
            return None
        found = list(self._found(batch))
        rows = np.concatenate([entries.rows for entries in found])
        order = np.argsort(rows, kind="stable") if len(found) > 1 else slice(None)
        counts = np.bincount(rows, minlength=batch.num_rows)
        return Ragged(
            np.concatenate([[0], np.cumsum(counts)]),
            np.concatenate([entries.slots for entries in found])[order].astype(np.int32),
            np.concatenate([entries.values for entries in found])[order].astype(dtype),
        )

    def _found(self, batch: pa.RecordBatch) -> Iterator[Entries]:
        for vector, first in self._vectors:
            entries = entries_of(batch.column(vector.column), vector.size, vector.column)
            kept = (entries.values != 0) & ~np.isnan(entries.values)
            if np.isinf(entries.values).any():
                slot = int(entries.slots[np.isinf(entries.values).argmax()])
                raise ContractError(
                    f"The vectors {vector.column!r} hold an infinite number",
                    got=vector.slot_name(slot),
                    hint="Filter such rows, or set limits in `contract.columns`.",
                )
            yield Entries(entries.rows[kept], entries.slots[kept] + first, entries.values[kept])


def joined(left: Ragged | None, right: Ragged | None) -> Ragged | None:
    """Return the entries of both, row by row."""
    if left is None or right is None:
        return left if right is None else right
    places = [
        np.repeat(np.arange(len(each.offsets) - 1), np.diff(each.offsets)) for each in (left, right)
    ]
    order = np.argsort(np.concatenate(places), kind="stable")
    return Ragged(
        left.offsets + right.offsets,
        np.concatenate([left.indices, right.indices])[order],
        np.concatenate([left.values, right.values])[order],
    )


def _misfit(name: str, expected: int, got: int) -> ContractError:
    return ContractError(
        f"The vectors {name!r} are not those of the training",
        expected=f"{expected:,} slots",
        got=f"{got:,}",
        hint="The stages that make them are others, or do not fix their size: train again.",
    )
