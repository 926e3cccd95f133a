"""Publishing files as one version of a Delta table, without a JVM."""

import json
import time
from collections.abc import Mapping, Sequence

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, TableFeatures, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from petafit.errors import ConflictError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.delta import open_log
from petafit.table.delta_location import LOG, delta_location
from petafit.table.files import WrittenFile
from petafit.table.written_types import written_schema


def committed_version(folder: Folder, application: str) -> int | None:
    """The version a transaction of this application made, if it took place.

    Where the log's entry of it was cleaned up since, as Delta does after 30 days, it is the newest.

    Raises
    ------
    StorageError
        The log cannot be read.
    """
    table = _open(folder)
    if table is None or table.transaction_version(application) is None:
        return None
    return _version_of(folder, application, newest=table.version())


def commit_files(
    folder: Folder,
    files: Sequence[WrittenFile],
    *,
    schema: pa.Schema,
    partition_by: Sequence[str],
    application: str,
    only: Mapping[str, str] | None = None,
) -> int:
    """Make files the content of a table, in one transaction.

    Parameters
    ----------
    files : sequence of WrittenFile
        Paths are below `folder`.
    application : str
        Recorded in the transaction, so that it can be told whether it took place.
    only : mapping of str to str, optional
        Replace the partitions with these values, and leave the others as they are.

    Returns
    -------
    int
        The new version.

    Raises
    ------
    ConflictError
        Somebody else changed the table meanwhile.
    StorageError
        The log cannot be read or written.
    """
    actions = [_action(file, partition_by) for file in files]
    delta_schema = Schema.from_arrow(written_schema(schema))
    properties = CommitProperties(app_transactions=[Transaction(application, 1)])
    try:
        table = _open(folder)
        if table is not None and table.metadata().partition_columns == list(partition_by):
            _allow_local_times(table, delta_schema)
            table.create_write_transaction(
                [*actions],
                "overwrite",
                delta_schema,
                list(partition_by),
                [(name, "=", value) for name, value in only.items()] if only else None,
                commit_properties=properties,
            )
        else:  # a new table, or one that is to be partitioned by other columns
            create_table_with_add_actions(
                delta_location(folder),
                delta_schema,
                actions,
                mode="overwrite",
                partition_by=list(partition_by),
                commit_properties=properties,
            )
    except CommitFailedError as error:
        raise ConflictError(
            f"The table {folder.uri} was changed while it was written",
            got=str(error),
            hint="Run the job again when nothing else writes to the table.",
        ) from error
    except (DeltaError, OSError) as error:
        raise StorageError(
            f"Cannot write the table {folder.uri}",
            got=str(error),
            hint="Check that its folder can be written, then run the job again.",
        ) from error
    return _version_of(folder, application, newest=open_log(folder).version())


def _open(folder: Folder) -> DeltaTable | None:
    return open_log(folder) if folder.child(LOG).names() else None


def _allow_local_times(table: DeltaTable, schema: Schema) -> None:
    """Let a table that had no timestamps without a zone have them: they are a feature of Delta."""
    needed = '"timestamp_ntz"' in schema.to_json()
    if needed and "timestampNtz" not in (table.protocol().reader_features or ()):
        feature = TableFeatures.TimestampWithoutTimezone
        table.alter.add_feature(feature, allow_protocol_versions_increase=True)


def _version_of(folder: Folder, application: str, *, newest: int) -> int:
    """Looked for in the log itself: what delta-rs tells of its history has no transactions."""
    log = folder.child(LOG)
    for version in range(newest, -1, -1):
        entry = f"{version:020}.json"
        if not log.exists(entry):
            break
        if _has_transaction(log.read(entry), application):
            return version
    return newest


def _has_transaction(entry: bytes, application: str) -> bool:
    actions = (json.loads(line) for line in entry.splitlines() if b'"txn"' in line)
    return any(action.get("txn", {}).get("appId") == application for action in actions)


def _action(file: WrittenFile, partition_by: Sequence[str]) -> AddAction:
    return AddAction(
        path=file.path,  # delta-rs encodes it
        size=file.size,
        partition_values=dict(zip(partition_by, file.partition, strict=True)),
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": file.rows}),
    )
