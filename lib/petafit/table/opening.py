"""Opening of a table from its settings, whatever its format."""

import logging

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.delta import open_delta
from petafit.table.parquet.snapshot import open_parquet
from petafit.table.snapshot import Snapshot

log = logging.getLogger("petafit")


def open_table(table: Table) -> Snapshot:
    """Pin a table's snapshot.

    Raises
    ------
    ConfigurationError
        There is no table, it has another format than the settings name, or lacks the version.
    EmptyInputError
        A folder without Parquet files.
    StorageError, ContractError
        The table is damaged or contradicts itself.
    """
    uri = table.require_uri()
    folder = Folder(uri)
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
        return open_delta(uri, version=table.version)
    if table.version is not None:
        raise ConfigurationError(
            f"The Parquet table at {folder.uri} has no versions",
            got=f"version {table.version}",
            hint="Remove `table.version`, or keep the table in Delta format.",
        )
    snapshot = open_parquet(uri)
    if snapshot.only_later:
        log.warning(
            "%s: later files have columns that the first, %s, lacks, and that are not read: %s",
            snapshot.uri,
            snapshot.files[0].path,
            ", ".join(snapshot.only_later),
        )
    return snapshot
