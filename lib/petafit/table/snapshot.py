"""A table as it is at one moment: its schema and its files, pinned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

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


@dataclass(frozen=True, slots=True)
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
    """

    uri: str
    format: Format
    version: int | None
    schema: pa.Schema
    partition_columns: tuple[str, ...]
    files: tuple[DataFile, ...]
    scan_reason: str | None = None

    @property
    def rows(self) -> int | None:
        """How many rows the table has; None where its log does not tell."""
        if self.scan_reason:
            return None
        counts = [file.rows for file in self.files]
        return None if None in counts else sum(count for count in counts if count is not None)
