"""Conversion of dates and instants that Spark wrote in the hybrid Julian and Gregorian calendar.

Spark before 3.0, and later in its mode LEGACY, counted days as Java's old calendar does: by the
Julian calendar before 1582-10-15. The file's footer says so, and readers must give the day that
has the same name in the Gregorian calendar, which Arrow and Spark use throughout.

References
----------
Spark, ``DataSourceUtils.scala`` and ``RebaseDateTime.scala``.
"""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from petafit.errors import ContractError

_VERSION, _ZONE = b"org.apache.spark.version", b"org.apache.spark.timeZone"
_DATES, _INT96 = b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96"
_FIRST_CORRECT = {_DATES: b"3.0.0", _INT96: b"3.1.0"}
_GREGORIAN = -141_427
"""1582-10-15, in days since 1970-01-01."""

NO_LOCAL_TIMES = -2_208_988_800
"""1900-01-01 in seconds: before, Java's old and new time zones differ."""

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, slots=True)
class OldCalendar:
    """The columns of a file that are in the hybrid calendar.

    Attributes
    ----------
    path : str
        Path of the file.
    columns : frozenset of str
    zone : str or None
        Time zone of the days of their instants, as recorded by Spark.
    """

    path: str
    columns: frozenset[str]
    zone: str | None

    def changes(self, column: pa.Field) -> bool:
        """Return whether values of a column may differ from their stored ones."""
        kind = column.type
        is_instant = pa.types.is_timestamp(kind) and kind.tz is not None
        return column.name in self.columns and (pa.types.is_date(kind) or is_instant)

    @property
    def is_translated(self) -> bool:
        """Return whether all of its instants can be converted: their zone has a constant offset."""
        return _constant_offset(self.zone) is not None

    def corrected(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Convert a batch's days to the Gregorian calendar.

        Raises
        ------
        ContractError
            There are instants before 1900 in a zone whose offset was different then.
        """
        for number, column in enumerate(batch.schema):
            if self.changes(column):
                values = batch.column(number)
                mend = _days if pa.types.is_date(column.type) else self._instants
                batch = batch.set_column(number, column, mend(values, column.name))
        return batch

    def _instants(self, values: pa.Array, name: str) -> pa.Array:
        second = UNITS[values.type.unit]
        least = pc.min(values.cast(pa.int64())).as_py()
        if least is None or least >= NO_LOCAL_TIMES * second:
            return values
        offset = _constant_offset(self.zone)
        if offset is None:
            raise ContractError(
                f"Column {name!r} of {self.path} holds points in time before 1900 in the calendar "
                "and the local time of an old Spark, which direct reading cannot translate",
                expected="those of UTC, or of a fixed offset",
                got=f"time zone {self.zone}" if self.zone else "no time zone in the footer",
                hint="Set `stream: scan` and `engine: spark`: Spark translates them.",
            )
        day = 86_400 * second
        shifted = pc.fill_null(values.cast(pa.int64()), 0).to_numpy() + offset * second
        days = shifted // day
        moved = shifted + (_gregorian(days) - days) * day - offset * second
        return pa.array(moved, mask=_nulls(values)).cast(values.type)


def old_calendar(
    footer: pq.FileMetaData, path: str, stored: Mapping[str, str]
) -> OldCalendar | None:
    """Return the columns of a file that are in the hybrid calendar; None if there are none.

    Parameters
    ----------
    stored : mapping of str to str
        The columns that are read, each with its name in the file.
    """
    metadata = footer.metadata or {}
    version = metadata.get(_VERSION)
    if version is None:
        return None
    is_old = {key: version < first or key in metadata for key, first in _FIRST_CORRECT.items()}
    old = {
        column.path
        for column in map(footer.schema.column, range(len(footer.schema)))
        if is_old[_key_of(column)]
    }
    columns = frozenset(name for name, own in stored.items() if own in old)
    zone = metadata.get(_ZONE)
    return OldCalendar(path, columns, zone.decode() if zone else None) if columns else None


def is_marked_legacy(footer: pq.FileMetaData, column: pq.ColumnSchema) -> bool:
    """Return whether a column is in the hybrid calendar by the key of Spark's mode LEGACY."""
    return _key_of(column) in (footer.metadata or {})


def _key_of(column: pq.ColumnSchema) -> bytes:
    return _INT96 if column.physical_type == "INT96" else _DATES


def _days(values: pa.Array, name: str) -> pa.Array:
    days = values.cast(pa.date32()).cast(pa.int32())
    least = pc.min(days).as_py()
    if least is None or least >= _GREGORIAN:
        return values
    moved = _gregorian(pc.fill_null(days, 0).to_numpy().astype(np.int64))
    return pa.array(moved.astype(np.int32), pa.date32(), mask=_nulls(values)).cast(values.type)


def _nulls(values: pa.Array) -> np.ndarray | None:
    return values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None


def _gregorian(days: np.ndarray) -> np.ndarray:
    """Convert days since 1970-01-01 to the Gregorian days of the same dates, (n,) int64.

    With years y that begin in March, the day z = 365 y + floor(y / 4) + d of the Julian calendar
    is 365 y + floor(y / 4) - floor(y / 100) + floor(y / 400) + d of the Gregorian; z counts from
    0000-03-01, which is two days earlier in the Julian calendar. A 29th of February that does not
    exist becomes the 1st of March.

    Examples
    --------
    >>> _gregorian(np.array([-171_595, -141_428, -141_427])).tolist()
    [-171605, -141438, -141427]
    """
    year = (4 * (days + 719_470) + 3) // 1461
    return np.where(days < _GREGORIAN, days + 2 - year // 100 + year // 400, days)


def _constant_offset(zone: str | None) -> int | None:
    """Return a zone's offset from UTC in seconds if it was always the same; else None."""
    if zone is None:
        return None
    if zone in ("UTC", "Z", "GMT"):
        return 0
    try:
        known = ZoneInfo(zone)
    except (KeyError, OSError, ValueError):  # a zone unknown on this machine
        return None
    years: Collection[int] = (2, 1800, 1899, 1950, 2020)
    offsets = {
        datetime.datetime(year, month, 15, tzinfo=known).utcoffset()
        for year in years
        for month in (1, 7)
    }
    (offset, *others) = offsets
    return None if others or offset is None else int(offset.total_seconds())
