"""Detection of files by old Sparks with instants that only Spark converts to today's calendar."""

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import StorageError
from petafit.stream.parquet.old_calendar import NO_LOCAL_TIMES, UNITS, old_calendar, told_by_key
from petafit.table.columns import footer_schema
from petafit.table.parquet.snapshot import open_file
from petafit.table.snapshot import DataFile, Snapshot, spread

_LOOKS = 8


def hold_old_local_times(snapshot: Snapshot) -> bool:
    """Return whether sampled files of a table hold instants before 1900 in local time.

    That follows from their footers: from row group statistics, or, for INT96 without statistics,
    from the key that Spark writes in its mode LEGACY. Without either, as in files of Spark 2, the
    check is left to the reader of their rows.
    """
    if not any(_is_instant(field.type) for field in snapshot.schema):
        return False
    return any(map(_holds, spread(snapshot.files, _LOOKS)))


def _holds(file: DataFile) -> bool:
    try:
        with open_file(file.path, size=file.size) as opened:
            return _told(opened.footer, file.path)
    except StorageError:
        return False  # the reader of the file's rows reports what is wrong with it


def _told(footer: pq.FileMetaData, path: str) -> bool:
    schema = footer_schema(footer)
    calendar = old_calendar(footer, path, {name: name for name in schema.names})
    if calendar is None or calendar.is_translated:
        return False
    leaves = {footer.schema.column(i).path: i for i in range(len(footer.schema))}
    return any(
        _may_be_early(footer, leaves[column.name])
        for column in schema
        if _is_instant(column.type) and calendar.changes(column)
    )


def _may_be_early(footer: pq.FileMetaData, leaf: int) -> bool:
    column = footer.schema.column(leaf)
    if column.physical_type == "INT96":
        return told_by_key(footer, column)
    second = UNITS["ms" if "milliseconds" in str(column.logical_type) else "us"]
    groups = map(footer.row_group, range(footer.num_row_groups))
    chunks = (group.column(leaf) for group in groups if group.num_rows)
    for chunk in chunks:
        statistics = chunk.statistics
        if statistics is not None and statistics.has_min_max:
            early = statistics.min_raw < NO_LOCAL_TIMES * second
        else:
            all_null = statistics is not None and statistics.null_count == chunk.num_values
            early = not all_null and told_by_key(footer, column)
        if early:
            return True
    return False


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)
