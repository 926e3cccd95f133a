"""Choice of a table's reader: the workers directly, or Spark's scan."""

from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import ConfigurationError, StorageError
from petafit.stream.parquet.old_calendar import (
    NO_LOCAL_TIMES,
    UNITS,
    is_marked_legacy,
    old_calendar,
)
from petafit.table.columns import footer_schema
from petafit.table.parquet.snapshot import open_file
from petafit.table.snapshot import DataFile, Snapshot, spread

How = Literal["direct", "scan"]


def choose(
    snapshot: Snapshot, requested: Literal["auto", "direct", "scan"], engine: str
) -> tuple[How, str]:
    """Return how a table is read, with the reason.

    Parameters
    ----------
    requested : {"auto", "direct", "scan"}
        The reader requested in the settings.
    engine : str
        ``local`` has no scan.

    Raises
    ------
    ConfigurationError
        The requested reader would give wrong rows, or needs Spark, which is not available.
    """
    reason = snapshot.scan_reason
    if requested == "scan" and engine == "local":
        raise ConfigurationError(
            "The local engine cannot scan with Spark",
            hint="Set `stream: auto`, or `engine: spark`.",
        )
    if reason and (requested == "direct" or engine == "local"):
        raise ConfigurationError(
            f"{snapshot.uri} cannot be read without Spark: {reason}",
            hint="Set `engine: spark` and `stream: auto`.",
        )
    if requested != "auto":
        return requested, "as the settings ask"
    if reason:
        return "scan", reason
    if engine != "local" and hold_old_local_times(snapshot):
        return "scan", "files hold points in time before 1900 in the local time of an old Spark"
    return "direct", "the files alone determine the table's rows"


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
            return _holds_early(opened.footer, file.path)
    except StorageError:
        return False  # the reader of the file's rows reports what is wrong with it


def _holds_early(footer: pq.FileMetaData, path: str) -> bool:
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
        return is_marked_legacy(footer, column)
    second = UNITS["ms" if "milliseconds" in str(column.logical_type) else "us"]
    groups = map(footer.row_group, range(footer.num_row_groups))
    chunks = (group.column(leaf) for group in groups if group.num_rows)
    for chunk in chunks:
        statistics = chunk.statistics
        if statistics is not None and statistics.has_min_max:
            early = statistics.min_raw < NO_LOCAL_TIMES * second
        else:
            all_null = statistics is not None and statistics.null_count == chunk.num_values
            early = not all_null and is_marked_legacy(footer, column)
        if early:
            return True
    return False


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)
