"""The part of a table that a write replaces."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.partitions import Values, folder_of

_ELSEWHERE = "Write to another folder, or let the whole table be replaced."


@dataclass(frozen=True, slots=True)
class Scope:
    """Partitions, by values of some partition columns; without columns, the whole table.

    Attributes
    ----------
    columns : tuple of str
    values : frozenset of tuples of str or None
        One tuple of texts for each combination, in the order of the columns.
    """

    columns: tuple[str, ...] = ()
    values: frozenset[Values] = frozenset([()])

    @classmethod
    def of(cls, columns: Sequence[str], partitions: Iterable[Mapping[str, object]]) -> Self:
        """Return the scope of some partitions, given as typed values of a snapshot."""
        found = (as_text(columns, partition) for partition in partitions)
        return cls(tuple(columns), frozenset(found))

    @property
    def is_whole(self) -> bool:
        """Return whether it is the whole table."""
        return not self.columns

    @property
    def folders(self) -> frozenset[str]:
        """Return the folders of the scope in a Parquet table partitioned by its columns first."""
        return frozenset(folder_of(self.columns, values) for values in self.values)

    def covers(self, partition: Mapping[str, object]) -> bool:
        """Return whether a partition, as typed values or texts, is in the scope."""
        return as_text(self.columns, partition) in self.values


WHOLE = Scope()


def as_text(columns: Sequence[str], partition: Mapping[str, object]) -> Values:
    """Return the values of some partition columns as spelled in folders and Delta's log.

    Examples
    --------
    >>> import datetime
    >>> as_text(["day", "city"], {"day": datetime.date(2013, 1, 5), "city": "", "hour": 7})
    ('2013-01-05', None)
    """
    values = (pa.scalar(partition[column]) for column in columns)
    return tuple(value.cast(pa.string()).as_py() or None for value in values)


def other_partitions(
    table: Folder, found: Sequence[str], wanted: Sequence[str]
) -> ConfigurationError:
    """Return the error for a table with other partition columns, of which no part is replaced."""
    return ConfigurationError(
        f"A part of {table.uri} cannot be replaced: it is partitioned by other columns",
        expected=", ".join(wanted) or "no partitions",
        got=", ".join(found) or "no partitions",
        hint=_ELSEWHERE,
    )


def other_type(table: Folder, column: str, found: object, wanted: object) -> ConfigurationError:
    """Return the error for a part whose remaining rows have a column of another type."""
    return ConfigurationError(
        f"A part of {table.uri} cannot be replaced: its column {column!r} is of another type",
        expected=wanted,
        got=found,
        hint=_ELSEWHERE,
    )
