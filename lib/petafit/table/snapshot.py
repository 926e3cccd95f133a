"""A table as it is at one moment: its schema and its files, pinned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder

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


def open_table(table: Table) -> Snapshot:
    """Pin a table.

    Raises
    ------
    ConfigurationError
        There is no table, it is of another format than asked for, or lacks the version.
    EmptyInputError
        A folder without Parquet files.
    StorageError, ContractError
        The table is damaged or contradicts itself.
    """
    # Here, because both kinds build on this module, and delta-rs is loaded only where needed.
    from petafit.table.delta import open_delta
    from petafit.table.parquet import open_parquet

    folder = Folder(table.uri)
    if not folder.exists():
        raise ConfigurationError(
            f"There is no table at {folder.uri}",
            hint="Check `table.uri`, or make the table first (`petafit prepare`).",
        )
    is_delta = folder.exists("_delta_log")
    if table.format != "auto" and is_delta != (table.format == "delta"):
        raise ConfigurationError(
            f"The table at {folder.uri} is of another format than `table.format` says",
            expected=table.format,
            got="delta" if is_delta else "no _delta_log folder",
            hint="Leave `table.format` at auto.",
        )
    if is_delta:
        return open_delta(table.uri, version=table.version)
    if table.version is not None:
        raise ConfigurationError(
            f"The Parquet table at {folder.uri} has no versions",
            got=f"version {table.version}",
            hint="Remove `table.version`, or keep the table in Delta format.",
        )
    return open_parquet(table.uri)
