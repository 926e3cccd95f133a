"""A plan with one shard for each partition, so that shard summaries are partition summaries."""

from collections import defaultdict
from collections.abc import Sequence

import pyarrow as pa

from petafit.errors import ConfigurationError, did_you_mean
from petafit.store.filesystem import Folder
from petafit.table.filters.predicate import RowFilter
from petafit.table.parquet.snapshot import partition_texts
from petafit.table.partitions import folder_of
from petafit.table.shards import Shard, Slice, slice_of, wanted_files
from petafit.table.snapshot import Snapshot

MOST_PARTITIONS = 500
"""Limit of partitions whose summaries are kept, and without which models are evaluated."""


def plan_by_partition(
    snapshot: Snapshot, *, columns: Sequence[str], predicate: RowFilter
) -> tuple[Shard, ...]:
    """Plan a shard for each combination of values of some partition columns.

    A shard reads whole files, in the order of their paths. Partitions that the predicate excludes
    are left out. Shards are as different in size as the partitions.

    Raises
    ------
    ConfigurationError
        The table is not partitioned by these columns, there are more than 500 combinations, or the
        predicate does not fit the table.
    ContractError
        The predicate names a column that the table lacks.
    """
    predicate.check(snapshot.schema)
    for column in columns:
        if column not in snapshot.partition_columns:
            raise _not_partitioned(snapshot, column)
    dealt: defaultdict[tuple[object, ...], list[Slice]] = defaultdict(list)
    for file in wanted_files(snapshot.files, predicate):
        whole = slice_of(file, 0, file.size, snapshot)
        dealt[tuple(file.partition[column] for column in columns)].append(whole)
    if len(dealt) > MOST_PARTITIONS:
        raise ConfigurationError(
            f"`training.keep_summaries` would keep {len(dealt):,} summaries of {snapshot.uri}",
            expected=f"at most {MOST_PARTITIONS} values of {', '.join(columns)}",
            got=f"{len(dealt):,}",
            hint="Name coarser partition columns, or fewer rows in `split.train`.",
        )
    return tuple(map(tuple, dealt.values())) or ((),)


def partition_name(snapshot: Snapshot, columns: Sequence[str], part: Slice) -> str:
    """Return the partition of a file by some columns, named as Hive names folders.

    Values are spelled as in a Parquet table's own folders: ``month=01``.
    """
    if snapshot.format == "parquet":
        below = Folder(part.path).path.removeprefix(Folder(snapshot.uri).path)
        texts = dict(zip(snapshot.partition_columns, partition_texts(below).values(), strict=True))
    else:
        values = ((column, pa.scalar(part.partition[column])) for column in columns)
        texts = {column: value.cast(pa.string()).as_py() for column, value in values}
    return folder_of(columns, tuple(texts[column] or None for column in columns))


def _not_partitioned(snapshot: Snapshot, column: str) -> ConfigurationError:
    known = snapshot.partition_columns
    return ConfigurationError(
        f"`training.keep_summaries` names {column!r}, and {snapshot.uri} is not partitioned by it",
        expected="columns by which the table's files are partitioned",
        got=", ".join(known) or "a table without partitions",
        hint=did_you_mean(column, known) if known else "Write the table in partitions.",
    )
