"""The fast stream: each worker reads its shard's Parquet files itself, without the JVM."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate, chain, islice, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import ContractError, StorageError, did_you_mean
from petafit.store.arrays import digest
from petafit.store.filesystem import Folder
from petafit.stream.batches import carried_schema, chosen, predicate_schema
from petafit.stream.rowgroups import read_row_group, row_groups
from petafit.table.parquet import open_file
from petafit.table.predicate import RowFilter
from petafit.table.shards import Slice, count_shards, read_shard
from petafit.table.snapshot import Snapshot
from petafit.table.types import STRINGS, canonical, footer_schema


@dataclass(frozen=True)
class DirectSource:
    """The rows of a planned table, read with pyarrow.

    A batch never spans row groups, so batches are the same whenever and wherever they are read.

    Attributes
    ----------
    plan_folder, plan_name : Folder, str
        Where `petafit.table.shards.write_plan` left the plan.
    schema : pyarrow.Schema
        The columns wanted, strings as dictionary<int32, string>.
    batch_rows : int
        The most rows a batch has; memory grows with it, and not with the files.
    conditions : pyarrow.Schema
        The columns read only for the predicate.
    cuts : tuple of float
        Where a shard's batches are cut into pieces, as shares: from 0 to 1.
    pieces : range
        Which of the pieces are read.
    """

    plan_folder: Folder
    plan_name: str
    shards: int
    schema: pa.Schema
    predicate: RowFilter
    batch_rows: int
    conditions: pa.Schema = field(default_factory=lambda: pa.schema([]))
    cuts: tuple[float, ...] = (0.0, 1.0)
    pieces: range = range(1)

    frozen = True

    @classmethod
    def of(
        cls,
        plan_folder: Folder,
        plan_name: str,
        *,
        snapshot: Snapshot,
        columns: Sequence[str],
        predicate: RowFilter,
        batch_rows: int,
    ) -> "DirectSource":
        """Some columns of a snapshot by its written plan.

        Raises
        ------
        ContractError
            The table lacks a column.
        """
        return cls(
            plan_folder,
            plan_name,
            count_shards(plan_folder, plan_name),
            carried_schema(snapshot.schema, columns),
            predicate,
            batch_rows,
            predicate_schema(snapshot.schema, columns, predicate),
        )

    @property
    def identity(self) -> str:
        """Digest of all that determines the batches."""
        parts = (
            self.plan_folder.digest(self.plan_name),
            str(self.schema),
            repr(self.predicate),
            str(self.batch_rows),
            *((f"{self.cuts} {self.pieces}",) if len(self.cuts) > 2 else ()),
        )
        return digest("\n".join(parts).encode())

    def cut(self, cuts: Sequence[float]) -> "DirectSource":
        """The same rows, every shard in pieces: at these shares of its batches, from 0 to 1.

        Row groups of other pieces are not decoded; one that is cut is decoded up to the last batch
        that is wanted of it.
        """
        return replace(self, cuts=tuple(cuts), pieces=range(len(cuts) - 1))

    def only(self, pieces: range) -> "DirectSource":
        """The rows of some of the pieces."""
        return replace(self, pieces=pieces)

    def read(self, shard: int, *, piece: int = 0, skip: int = 0) -> Iterator[pa.RecordBatch]:
        """The batches of a piece of a shard after the first `skip`; none is empty.

        Raises
        ------
        StorageError
            A file is damaged, missing or not the one that was planned.
        ContractError
            A file lacks a column or has it in another type than the table.
        """
        return islice(self._batches(shard, piece), skip, None)

    @property
    def needed(self) -> pa.Schema:
        """All columns that are read: the wanted ones and the predicate's."""
        return pa.unify_schemas([self.schema, self.conditions])

    def _batches(self, shard: int, piece: int) -> Iterator[pa.RecordBatch]:
        needed = self.needed
        for part, batches in self._slices(shard, piece):
            for batch in read_slice(part, needed, self.batch_rows, batches):
                rows = chosen(batch, schema=self.schema, predicate=self.predicate)
                if rows is not None:
                    yield rows

    def _slices(self, shard: int, piece: int) -> Iterator[tuple[Slice, range]]:
        """The slices that a piece has batches of, and which of each."""
        slices = read_shard(self.plan_folder, self.plan_name, shard)
        if len(self.cuts) == 2:
            yield from ((part, ALL_BATCHES) for part in slices)
            return
        counts = [
            _count_batches(part.path, part.size, part.start, part.stop, self.batch_rows)
            for part in slices
        ]
        edges = list(accumulate(map(sum, counts), initial=0))
        groups = list(accumulate(chain.from_iterable(counts), initial=0))
        cuts = _snapped([edges[-1] * share for share in self.cuts], groups)
        first, last = cuts[piece : piece + 2]
        for part, (begin, end) in zip(slices, pairwise(edges), strict=True):
            if max(begin, first) < min(end, last):
                yield part, range(max(first - begin, 0), min(last, end) - begin)


def _snapped(wanted: Sequence[float], edges: Sequence[int]) -> list[int]:
    """Cuts between row groups where such are near, so that no row group is decoded twice.

    Near is a quarter of the way to the next cut; elsewhere the cut is between two batches.

    Examples
    --------
    >>> _snapped([0, 10.4, 20.8, 41.6], [0, 10, 20, 30, 41])
    [0, 10, 20, 41]
    >>> _snapped([0, 2.0, 4.0, 8.0], [0, 8])
    [0, 2, 4, 8]
    """
    cuts = [0]
    for before, own, after in zip(wanted, wanted[1:], [*wanted[2:], np.inf], strict=False):
        nearest = min(edges, key=lambda edge: abs(edge - own))
        room = min(own - before, after - own) / 4
        cuts.append(nearest if abs(nearest - own) <= room else math.ceil(own))
    cuts[-1] = edges[-1]
    return cuts


ALL_BATCHES = range(2**62)


def read_slice(
    piece: Slice, schema: pa.Schema, batch_rows: int, batches: range = ALL_BATCHES
) -> Iterator[pa.RecordBatch]:
    """The batches of the row groups that a slice stands for, or only some of them.

    Raises
    ------
    StorageError
        The file is damaged, missing or not the one that was planned.
    ContractError
        It lacks a column or has it in another type than the schema.
    """
    strings = [field.name for field in _stored(schema, piece) if field.type == STRINGS]
    with open_file(piece.path, size=piece.size, dictionaries=strings) as file:
        present = _check(file.metadata, piece, schema)
        before = 0
        for group in row_groups(file.metadata, piece):
            count = -(-file.metadata.row_group(group).num_rows // batch_rows)
            wanted = range(max(batches.start - before, 0), min(batches.stop - before, count))
            if wanted:
                yield from read_row_group(
                    file,
                    group,
                    piece=piece,
                    stored=present,
                    schema=schema,
                    batch_rows=batch_rows,
                    wanted=wanted,
                )
            before += count


def check_file(piece: Slice, schema: pa.Schema) -> None:
    """Look at a file's footer only; raises like `read_slice`."""
    with open_file(piece.path, size=piece.size) as file:
        _check(file.metadata, piece, schema)


@lru_cache(maxsize=1 << 16)
def _count_batches(path: str, size: int, start: int, stop: int, batch_rows: int) -> list[int]:
    """How many batches each row group of a slice makes; its footer is read once per worker."""
    with open_file(path, size=size) as file:
        piece = Slice(path, size, start, stop, rows=None, partition={}, absent_is_null=False)
        groups = row_groups(file.metadata, piece)
        return [-(-file.metadata.row_group(group).num_rows // batch_rows) for group in groups]


def _stored(schema: pa.Schema, piece: Slice) -> list[pa.Field]:
    """The columns that a file itself must have."""
    return [field for field in schema if field.name not in piece.partition]


def _check(footer: pq.FileMetaData, piece: Slice, schema: pa.Schema) -> list[str]:
    _check_rows(footer, piece)
    return _check_columns(footer, piece, _stored(schema, piece))


def _check_rows(footer: pq.FileMetaData, piece: Slice) -> None:
    if piece.rows not in (None, footer.num_rows):
        raise StorageError(
            f"{piece.path} does not hold the rows that the table's log promises",
            expected=f"{piece.rows} rows",
            got=f"{footer.num_rows} rows",
        )


def _check_columns(footer: pq.FileMetaData, piece: Slice, wanted: Sequence[pa.Field]) -> list[str]:
    """The wanted columns that the file has, after a check of their types."""
    found = footer_schema(footer)
    present = []
    for column in wanted:
        kind = canonical(column.type)
        if column.name not in found.names:
            if piece.absent_is_null:
                continue
            hint = did_you_mean(column.name, found.names)
            raise _drift(column.name, piece, expected=kind, got="no such column", hint=hint)
        if not _fits(found.field(column.name).type, kind):
            raise _drift(column.name, piece, expected=kind, got=found.field(column.name).type)
        present.append(column.name)
    return present


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Equal types, timestamps that differ in their unit only, or a column without any value."""
    if pa.types.is_null(found):
        return True
    if pa.types.is_timestamp(found) and pa.types.is_timestamp(wanted):
        return bool(found.tz == wanted.tz)
    return bool(found == wanted)


def _drift(
    column: str, piece: Slice, *, expected: object, got: object, hint: str = ""
) -> ContractError:
    what = f"Column {column!r} of {piece.path} is not as in the rest of the table"
    return ContractError(what, expected=expected, got=got, hint=hint)
