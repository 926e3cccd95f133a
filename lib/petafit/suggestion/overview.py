"""The comments at the head of a task file: the table, and a line for each column."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from petafit.config.yaml12 import dump
from petafit.stream.sample import Sample
from petafit.suggestion.lines import share, value
from petafit.suggestion.seen import Seen
from petafit.table.snapshot import Snapshot


def overview(title: str, snapshot: Snapshot, sample: Sample) -> Iterator[str]:
    """Yield lines that say how large the table is, and how much of it was looked at."""
    by_spark = snapshot.format == "spark"
    table: str = "read by Spark" if by_spark else snapshot.format
    if snapshot.version is not None:
        table = f"delta version {snapshot.version}"
    rows = f"{'' if sample.total_is_certain else 'about '}{sample.total:,} rows"
    files = "" if by_spark else f", {len(snapshot.files):,} files"
    if len(snapshot.files) == 1:
        files = ", 1 file"
    yield f"# Written by `petafit init` for {dump(title)}: {table}, {rows}{files}."
    if snapshot.scan_reason and not by_spark:
        yield f"# Its files alone do not tell all: {snapshot.scan_reason}."
    if not sample.is_whole:
        yield f"# Looked at {sample.rows.num_rows:,} rows from all over the table."
    yield "#"


def figures(schema: pa.Schema, seen: Mapping[str, Seen], *, is_whole: bool) -> Iterator[str]:
    """Yield a line for each column: type, missing and distinct values, smallest and largest."""
    distinct = "distinct" if is_whole else "distinct, at least"
    lines = [("column", "type", "missing", distinct, "smallest .. largest")]
    for field in schema:
        column, start = seen.get(field.name), (dump(field.name), str(field.type))
        if column is None:
            lines.append((*start, "", "", "no feature is made of this type"))
            continue
        ends = f"{value(column.smallest)} .. {value(column.largest)}" if column.distinct else ""
        infinite = f", {column.infinite:,} infinite" if column.infinite else ""
        missing = share(column.missing, column.rows)
        lines.append((*start, missing, f"{column.distinct:,}", ends + infinite))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    for name, kind, missing, count, ends in lines:
        text = f"{name:{widths[0]}}  {kind:{widths[1]}}  {missing:>{widths[2]}}"
        yield f"# {text}  {count:>{widths[3]}}  {ends}".rstrip()
