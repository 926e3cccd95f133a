"""A table as it is at one moment: its schema and its files, pinned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import pyarrow as pa

from petafit.table.names import Spellings

Format = Literal["delta", "parquet"]


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table.

    Attributes
    ----------
    path : str
        A local path or the whole URI.
    size : int
        In bytes.
    rows : int or None
        How many the table's log promises; None where there is no log.
    partition : mapping of str to object
        Values of the partition columns, decoded and typed.
    """

    path: str
    size: int
    rows: int | None
    partition: Mapping[str, object]


def spread(files: Sequence[DataFile], most: int) -> list[DataFile]:
    """At most so many files, evenly spaced, the first and the last among them.

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
    """What a job reads, whatever is written to the table meanwhile.

    Attributes
    ----------
    version : int or None
        Of a Delta table.
    schema : pyarrow.Schema
        All columns, the partition columns among them, in the types of `petafit.table.types`.
    files : tuple of DataFile
        Sorted by path.
    scan_reason : str or None
        Why reading the files without Spark would give wrong rows; None where it gives the right.
    has_deletions : bool
        Whether the files hold rows that the log has deleted.
    only_later : tuple of str
        Columns that are not read: other files have them, of those looked at, and the first not.
    """

    uri: str
    format: Format
    version: int | None
    schema: pa.Schema
    partition_columns: tuple[str, ...]
    files: tuple[DataFile, ...]
    scan_reason: str | None = None
    has_deletions: bool = False
    only_later: tuple[str, ...] = ()

    @cached_property
    def exact_names(self) -> bool:
        """Whether letter case tells columns apart: some differ by nothing else."""
        return bool(Spellings(self.schema.names).twins)

    def spelled_as(self, names: Iterable[str]) -> "Snapshot":
        """The same table, with columns named as here where they differ in letter case only.

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
        """How many rows the table has; None where its log does not tell."""
        if self.scan_reason:
            return None
        counts = [file.rows for file in self.files]
        return None if None in counts else sum(count for count in counts if count is not None)
