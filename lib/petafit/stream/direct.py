"""The fast stream: each worker reads its shard's Parquet files itself, without the JVM."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate, chain, islice, pairwise

import numpy as np
import pyarrow as pa

from petafit.store.arrays import digest
from petafit.store.filesystem import Folder
from petafit.stream.batches import carried_schema, chosen, predicate_schema
from petafit.stream.drift import check_footer, names_in, stored
from petafit.stream.rowgroups import read_row_group, row_groups
from petafit.table.parquet import open_file
from petafit.table.predicate import Predicate, RowFilter
from petafit.table.shards import Slice, count_shards, read_shard
from petafit.table.snapshot import Snapshot
from petafit.table.types import STRINGS


@dataclass(frozen=True)
class DirectSource:
    """The rows of a planned table, read from its files.

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
            for batch in read_slice(part, needed, self.batch_rows, self.predicate, batches):
                rows = chosen(batch, schema=self.schema, predicate=self.predicate)
                if rows is not None:
                    yield rows

    def _slices(self, shard: int, piece: int) -> Iterator[tuple[Slice, range]]:
        """The slices that a piece has batches of, and which of each."""
        slices = read_shard(self.plan_folder, self.plan_name, shard)
        if len(self.cuts) == 2:
            yield from ((part, ALL_BATCHES) for part in slices)
            return
        needed = self.needed
        counts = [
            _count_batches(
                part.path,
                size=part.size,
                start=part.start,
                stop=part.stop,
                partitioned_by=tuple(part.partition),
                exact_names=part.exact_names,
                batch_rows=self.batch_rows,
                predicate=self.predicate,
                schema=needed,
            )
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
        cuts.append(nearest if abs(nearest - own) <= room else math.floor(own))
    cuts[-1] = edges[-1]
    return cuts


EVERY_ROW = Predicate()
ALL_BATCHES = range(2**62)


def read_slice(
    part: Slice,
    schema: pa.Schema,
    batch_rows: int,
    predicate: RowFilter = EVERY_ROW,
    batches: range = ALL_BATCHES,
) -> Iterator[pa.RecordBatch]:
    """The batches of the row groups that a slice stands for, or only some of them.

    Row groups in which the predicate can choose no row are not decoded, and do not count.

    Raises
    ------
    StorageError
        The file is damaged, missing or not the one that was planned.
    ContractError
        It lacks a column or has it in another type than the schema.
    """
    strings = [field.name for field in stored(schema, part) if field.type == STRINGS]
    with open_file(part.path, size=part.size, dictionaries=strings) as file:
        present = check_footer(file.footer, part, schema)
        before = 0
        groups = row_groups(file.footer, part, predicate, stored=present, schema=schema)
        for group in groups:
            count = -(-file.footer.row_group(group).num_rows // batch_rows)
            wanted = range(max(batches.start - before, 0), min(batches.stop - before, count))
            if wanted:
                yield from read_row_group(
                    file,
                    group,
                    part=part,
                    stored=present,
                    schema=schema,
                    batch_rows=batch_rows,
                    wanted=wanted,
                )
            before += count


def check_file(part: Slice, schema: pa.Schema) -> list[str]:
    """Look at a file's footer only, and give the names of its columns; raises like `read_slice`."""
    with open_file(part.path, size=part.size) as file:
        check_footer(file.footer, part, schema)
        return list(file.footer.schema.to_arrow_schema().names)


@lru_cache(maxsize=1 << 16)
def _count_batches(
    path: str,
    *,
    size: int,
    start: int,
    stop: int,
    partitioned_by: tuple[str, ...],
    exact_names: bool,
    batch_rows: int,
    predicate: RowFilter,
    schema: pa.Schema,
) -> list[int]:
    """How many batches each row group of a slice makes; its footer is read once per worker."""
    with open_file(path, size=size) as file:
        partition = dict.fromkeys(partitioned_by)
        part = Slice(path, size, start, stop, None, partition, False, exact_names)
        present = names_in(file.footer.schema.to_arrow_schema().names, part, schema)
        groups = row_groups(file.footer, part, predicate, stored=present, schema=schema)
        return [-(-file.footer.row_group(group).num_rows // batch_rows) for group in groups]
