"""The direct stream: each worker reads its shard's Parquet files itself, without the JVM."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain, islice, pairwise

import numpy as np
import pyarrow as pa

from petafit.store.arrays import digest
from petafit.stream.batches import Extension, Tally, carried_schema, chosen, predicate_schema
from petafit.stream.parquet.slices import ALL_BATCHES, Counts, count_batches, read_slice
from petafit.table.filters.predicate import RowFilter
from petafit.table.plans import Plan
from petafit.table.shards import Slice
from petafit.table.snapshot import Snapshot


@dataclass(frozen=True)
class DirectSource:
    """The rows of a planned table, read from its files.

    A batch never spans row groups, so batches are the same whenever and wherever they are read.

    Attributes
    ----------
    plan : Plan
        The slices of each shard.
    schema : pyarrow.Schema
        The selected columns, strings as dictionary<int32, string>.
    batch_rows : int
        Upper limit of a batch's rows; memory grows with it, and not with the files.
    conditions : pyarrow.Schema
        The columns read only for the predicate.
    cuts : tuple of float
        Bounds of the pieces of a shard, as shares of its batches: from 0 to 1.
    pieces : range
        The pieces that are read.
    derivation : Extension, optional
        Adds columns to every batch.
    """

    plan: Plan
    schema: pa.Schema
    predicate: RowFilter
    batch_rows: int
    conditions: pa.Schema = field(default_factory=lambda: pa.schema([]))
    cuts: tuple[float, ...] = (0.0, 1.0)
    pieces: range = range(1)
    derivation: Extension | None = None

    frozen = True

    @classmethod
    def of(
        cls,
        plan: Plan,
        *,
        snapshot: Snapshot,
        columns: Sequence[str],
        predicate: RowFilter,
        batch_rows: int,
    ) -> "DirectSource":
        """Read some columns of a snapshot by its written plan.

        Raises
        ------
        ContractError
            The table lacks a column.
        """
        return cls(
            plan,
            carried_schema(snapshot.schema, columns),
            predicate,
            batch_rows,
            predicate_schema(snapshot.schema, columns, predicate),
        )

    @property
    def shards(self) -> int:
        """Number of shards in the plan."""
        return self.plan.shards

    @property
    def identity(self) -> str:
        """Digest of everything that determines the batches."""
        parts = (
            self.plan.digest,
            str(self.schema),
            repr(self.predicate),
            str(self.batch_rows),
            *((f"{self.cuts} {self.pieces}",) if len(self.cuts) > 2 else ()),
            *((self.derivation.identity,) if self.derivation else ()),
        )
        return digest("\n".join(parts).encode())

    def cut(self, cuts: Sequence[float]) -> "DirectSource":
        """Return a source of the same rows with shards cut into pieces at these shares.

        Row groups of other pieces are not decoded; one that is cut is decoded up to the last batch
        that is needed.
        """
        return replace(self, cuts=tuple(cuts), pieces=range(len(cuts) - 1))

    def only(self, pieces: range) -> "DirectSource":
        """Return a source of some of the pieces."""
        return replace(self, pieces=pieces)

    @property
    def is_whole(self) -> bool:
        """Return whether all pieces are read."""
        return len(self.pieces) == len(self.cuts) - 1

    def check(self, tally: Tally, title: str) -> None:
        """Compare the number of rows read with that of the table's log or footers.

        Raises
        ------
        StorageError
            The numbers differ.
        """
        if self.is_whole:
            tally.require_equal(title)

    def read(
        self, shard: int, *, piece: int = 0, skip: int = 0, tally: Tally | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches of a piece of a shard after the first `skip`; none is empty.

        Parameters
        ----------
        tally : Tally, optional
            Counts the rows, the skipped ones included.

        Raises
        ------
        StorageError
            A file is damaged, missing or changed since the plan.
        ContractError
            A file lacks a column or has it in another type than the table.
        """
        return islice(self._batches(shard, piece, tally or Tally()), skip, None)

    @property
    def needed(self) -> pa.Schema:
        """All columns that are read: the selected ones and the predicate's."""
        return pa.unify_schemas([self.schema, self.conditions])

    def _batches(self, shard: int, piece: int, tally: Tally) -> Iterator[pa.RecordBatch]:
        needed = self.needed
        for part, batches in self._slices(shard, piece, tally):
            for batch in read_slice(part, needed, self.batch_rows, self.predicate, batches, tally):
                rows = chosen(batch, schema=self.schema, predicate=self.predicate)
                if rows is not None:
                    yield self.derivation.extend(rows) if self.derivation else rows
        tally.pieces += 1

    def _slices(self, shard: int, piece: int, tally: Tally) -> Iterator[tuple[Slice, range]]:
        """Yield the slices with batches of a piece, each with the range of these batches."""
        slices = self.plan.read(shard)
        if len(self.cuts) == 2:
            yield from ((part, ALL_BATCHES) for part in slices)
            return
        found = [self._counts(part) for part in slices]
        if piece == 0:  # rows that no piece reads count with the first one
            for each in found:
                tally.read += each.excluded
                tally.promised += each.promised
        edges = list(accumulate((sum(each.batches) for each in found), initial=0))
        groups = list(accumulate(chain.from_iterable(e.batches for e in found), initial=0))
        cuts = _snapped([edges[-1] * share for share in self.cuts], groups)
        first, last = cuts[piece : piece + 2]
        for part, (begin, end) in zip(slices, pairwise(edges), strict=True):
            if max(begin, first) < min(end, last):
                yield part, range(max(first - begin, 0), min(last, end) - begin)

    def _counts(self, part: Slice) -> Counts:
        return count_batches(
            part.path,
            size=part.size,
            start=part.start,
            stop=part.stop,
            rows=part.rows,
            partitioned_by=tuple(part.partition),
            exact_names=part.exact_names,
            batch_rows=self.batch_rows,
            predicate=self.predicate,
            schema=self.needed,
        )


def _snapped(wanted: Sequence[float], edges: Sequence[int]) -> list[int]:
    """Move cuts to nearby boundaries of row groups, so that no row group is decoded twice.

    Nearby means within a quarter of the way to the next cut; other cuts are between two batches.

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
        cuts.append(nearest if abs(nearest - own) <= room else math.floor(own))
    cuts[-1] = edges[-1]
    return cuts
