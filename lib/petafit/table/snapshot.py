"""A table at one moment: its schema and its files, pinned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import pyarrow as pa

from petafit.table.columns import Spellings

Format = Literal["delta", "parquet"]


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table.

    Attributes
    ----------
    path : str
        A local path or the full URI.
    size : int
        Size in bytes.
    rows : int or None
        Number of rows by the table's log; None if there is no log.
    partition : mapping of str to object
        Values of the partition columns, decoded and typed.
    """

    path: str
    size: int
    rows: int | None
    partition: Mapping[str, object]


def spread(files: Sequence[DataFile], most: int) -> list[DataFile]:
    """Return at most `most` files, evenly spaced, including the first and the last.

    Examples
    --------
    >>> spread("abcdefgh", 3)
    ['a', 'd', 'h']
    """
    if len(files) <= most:
        return list(files)
    return [files[i * (len(files) - 1) // (most - 1)] for i in range(most)]


@dataclass(frozen=True)
class Snapshot:
    """A table as read by a job, independent of later writes.

    Attributes
    ----------
    format : {"delta", "parquet", "spark"}
        Spark: rows of another source, without files.
    version : int or None
        Version of a Delta table.
    schema : pyarrow.Schema
        All columns, the partition columns among them, in the types of `petafit.table.columns`.
    files : tuple of DataFile
        Sorted by path.
    scan_reason : str or None
        Why reading the files without Spark would give wrong rows; None if it gives the right ones.
    has_deletions : bool
        The files hold rows that the log has deleted.
    only_later : tuple of str
        Columns that are not read: some examined files have them, but the first does not.
    """

    uri: str
    format: Format | Literal["spark"]
    version: int | None
    schema: pa.Schema
    partition_columns: tuple[str, ...]
    files: tuple[DataFile, ...]
    scan_reason: str | None = None
    has_deletions: bool = False
    only_later: tuple[str, ...] = ()

    @cached_property
    def exact_names(self) -> bool:
        """Names are case-sensitive: some columns differ in letter case only."""
        return bool(Spellings(self.schema.names).twins)

    def spelled_as(self, names: Iterable[str]) -> "Snapshot":
        """Return the same table, with columns respelled as in `names`, ignoring letter case.

        Raises
        ------
        ContractError
            The table has several columns that differ from a name in letter case only.
        """
        renamed = Spellings(self.schema.names).renamed_to(names)
        if not renamed:
            return self
        files = self.files
        if not renamed.keys().isdisjoint(self.partition_columns):
            files = tuple(
                replace(
                    file,
                    partition={renamed.get(name, name): v for name, v in file.partition.items()},
                )
                for file in files
            )
        fields = [field.with_name(renamed.get(field.name, field.name)) for field in self.schema]
        columns = tuple(renamed.get(name, name) for name in self.partition_columns)
        return replace(self, schema=pa.schema(fields), partition_columns=columns, files=files)

    @property
    def rows(self) -> int | None:
        """Number of rows of the table; None if its log does not record it."""
        if self.scan_reason:
            return None
        counts = [file.rows for file in self.files]
        return None if None in counts else sum(count for count in counts if count is not None)
