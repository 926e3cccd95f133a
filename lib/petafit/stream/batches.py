"""Interface of row streams: shards of Arrow batches with the selected columns and rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.errors import ContractError, StorageError, did_you_mean
from petafit.table.columns import STRINGS, carried, has_column
from petafit.table.filters.predicate import RowFilter


class Source(Protocol):
    """Rows in shards.

    Attributes
    ----------
    shards : int
        Number of shards.
    schema : pyarrow.Schema
        Schema of every batch; strings are dictionary<int32, string>.
    identity : str
        For frozen sources, equal if they give the same rows in the same batches.
    frozen : bool
        Reading a shard again gives the same batches, so that work on it can be resumed.
    pieces : range
        Pieces of a shard, to be read in sequence.
    """

    @property
    def shards(self) -> int: ...

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def identity(self) -> str: ...

    @property
    def frozen(self) -> bool: ...

    @property
    def pieces(self) -> range: ...

    def read(self, shard: int, *, piece: int = 0, skip: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield the batches of a piece of a shard after the first `skip`; none is empty."""


class Extension(Protocol):
    """Adds columns to the batches of a source.

    Attributes
    ----------
    identity : str
        Equal if it adds the same values.
    """

    @property
    def identity(self) -> str: ...

    def extend(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch with the columns added."""


@dataclass(frozen=True)
class Extensions:
    """Several extensions, each of which has the columns of those before it."""

    parts: tuple[Extension, ...]

    @property
    def identity(self) -> str:
        """Those of all."""
        return "\n".join(part.identity for part in self.parts)

    def extend(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch with the columns of all."""
        for part in self.parts:
            batch = part.extend(batch)
        return batch


def carried_schema(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    """Return the schema of batches that carry some columns of a table.

    Raises
    ------
    ContractError
        The table lacks a column.

    Examples
    --------
    >>> carried_schema(pa.schema({"a": pa.string(), "b": pa.int32()}), ["a"])
    a: dictionary<values=string, indices=int32, ordered=0>
    """
    for column in columns:
        if not has_column(schema, column):
            raise ContractError(
                f"The table has no column {column!r}", hint=did_you_mean(column, schema.names)
            )
    return pa.schema([(column, carried(schema.field(column).type)) for column in columns])


def predicate_schema(schema: pa.Schema, columns: Sequence[str], predicate: RowFilter) -> pa.Schema:
    """Return the schema of columns that are read only to evaluate the predicate."""
    return carried_schema(schema, [name for name in predicate.columns if name not in columns])


def normalise(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Select and cast a schema's columns, in its order; columns of equal type are not copied.

    Raises
    ------
    pyarrow.ArrowInvalid
        A value cannot be represented in the schema's type.
    """
    if batch.schema.equals(schema):
        return batch
    arrays = [as_type(batch.column(field.name), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def chosen(
    batch: pa.RecordBatch, *, schema: pa.Schema, predicate: RowFilter
) -> pa.RecordBatch | None:
    """Return the rows that a predicate selects, with the schema's columns; None without any."""
    mask = predicate.mask(batch)
    wanted = normalise(batch, schema)
    if mask is not None and mask.true_count < len(mask):
        wanted = wanted.filter(mask)
    return wanted if wanted.num_rows else None


def as_type(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast values to the type in which batches carry them; raises like `normalise`."""
    if values.type == kind:
        return values
    if kind != STRINGS:
        return _cast(values, kind)
    if not isinstance(values, pa.DictionaryArray):
        return values.cast(pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        values.indices.cast(pa.int32()), values.dictionary.cast(pa.string())
    )


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return values.cast(kind)
    except pa.ArrowTypeError as error:
        if "in the wrong order" not in str(error):
            raise
        # a cast of pyarrow 18 does not reorder the fields of structs
        return pa.array(values.to_pylist(), kind)


def one_code_a_row(texts: pa.StringArray) -> pa.DictionaryArray:
    """Convert texts to dictionary<int32, string> without comparing: row i has index i, or null.

    The dictionary shares the texts' buffers, so a text may occur in it more than once.
    """
    codes = pa.array(np.arange(len(texts), dtype=np.int32))
    if texts.null_count:
        _, offsets, content = texts.buffers()
        codes = pc.if_else(texts.is_valid(), codes, None)
        texts = pa.StringArray.from_buffers(len(texts), offsets, content, offset=texts.offset)
    return pa.DictionaryArray.from_arrays(codes, texts, safe=False)


@dataclass
class Tally:
    """Counts of rows, whether they meet the conditions or not.

    Attributes
    ----------
    read : int
        Rows that were read, or skipped because statistics exclude them.
    promised : int
        Rows of the files whose first byte was in a slice read: by the table's log, or by their
        footers if there is none.
    pieces : int
        Number of pieces of shards that were read to their end.
    """

    read: int = 0
    promised: int = 0
    pieces: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.read + other.read, self.promised + other.promised, self.pieces + other.pieces
        )

    def require_equal(self, title: str) -> None:
        """Refuse a pass over more or fewer rows than the table has.

        Raises
        ------
        StorageError
            The numbers differ.
        """
        if self.read != self.promised:
            raise StorageError(
                f"The rows read to {title} are not those that the table promises",
                expected=f"{self.promised:,} rows",
                got=f"{self.read:,} rows",
                hint="Files or the plan changed meanwhile: start again under a new run id.",
            )


@runtime_checkable
class Counted(Protocol):
    """A source that counts the rows it reads, in the tally passed to `read`."""

    def check(self, tally: Tally, title: str) -> None:
        """Refuse a pass over more or fewer rows than the table has.

        Parameters
        ----------
        tally : Tally
            Total of all shards.
        """
