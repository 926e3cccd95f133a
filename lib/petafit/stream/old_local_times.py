"""Files of old Sparks with points in time that only Spark translates to today's calendar."""

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import StorageError
from petafit.stream.parquet.old_calendar import NO_LOCAL_TIMES, UNITS, old_calendar, told_by_key
from petafit.table.parquet.snapshot import open_file
from petafit.table.snapshot import DataFile, Snapshot, spread
from petafit.table.types import footer_schema

_LOOKS = 8


def hold_old_local_times(snapshot: Snapshot) -> bool:
    """Whether files, of a few from all over a table, hold points in time before 1900 in local time.

    Their footers tell: by the statistics of their row groups, or, where INT96 has none, by the key
    that Spark writes in its mode LEGACY. Files are left to whoever reads their rows where nothing
    tells, as in those of Spark 2.
    """
    if not any(_is_instant(field.type) for field in snapshot.schema):
        return False
    return any(map(_holds, spread(snapshot.files, _LOOKS)))


def _holds(file: DataFile) -> bool:
    try:
        with open_file(file.path, size=file.size) as opened:
            return _told(opened.footer, file.path)
    except StorageError:
        return False  # whoever reads the file's rows says what is wrong with it


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
        told = chunk.statistics
        if told is not None and told.has_min_max:
            early = told.min_raw < NO_LOCAL_TIMES * second
        else:
            all_null = told is not None and told.null_count == chunk.num_values
            early = not all_null and told_by_key(footer, column)
        if early:
            return True
    return False


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)
