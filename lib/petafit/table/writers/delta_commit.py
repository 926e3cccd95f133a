"""Commit of files as one version of a Delta table, without a JVM."""

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, TableFeatures, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from petafit.errors import ConflictError, StorageError
from petafit.store.filesystem import Folder
from petafit.store.plain import from_json
from petafit.table.delta import LOG, delta_location, open_log
from petafit.table.writers.delta_content import active, new_fields, open_if_there
from petafit.table.writers.files import WrittenFile
from petafit.table.writers.scope import WHOLE, Scope
from petafit.table.writers.types import written_schema

_ATTEMPTS = 100
_LONGEST_WAIT_SECONDS = 0.5
_ONLY_IF_NEWEST = CommitProperties(max_commit_retries=0)


@dataclass(frozen=True)
class Replacement:
    """Files that replace a part of a table.

    Attributes
    ----------
    files : sequence of WrittenFile
        Paths are relative to the table's folder.
    application : str
        Application id of the transaction, by which it is found if it was committed.
    replaced : frozenset of str, optional
        The files in the scope when the work began: a conflict if others were added since.
    """

    files: Sequence[WrittenFile]
    schema: pa.Schema
    partition_by: Sequence[str]
    application: str
    scope: Scope = WHOLE
    replaced: frozenset[str] | None = None


def application(key: str) -> str:
    """Return the application id of petafit's transactions for a key."""
    return f"petafit/{key}"


def committed_version(folder: Folder, application: str) -> int | None:
    """Return the version committed by a transaction with this application id, if any.

    If its log entry was cleaned up since, as Delta does after 30 days, that is the newest version.

    Raises
    ------
    StorageError
        The log cannot be read.
    """
    table = open_if_there(folder)
    if table is None or table.transaction_version(application) is None:
        return None
    return _version_of(folder, application, newest=table.version())


def commit_files(folder: Folder, wanted: Replacement) -> int:
    """Replace a part of a table in one transaction, leaving the rest as other writers left it.

    The transaction is based on the newest version. If another writer commits first, it is retried,
    unless that writer changed the files to be replaced.

    Returns
    -------
    int
        The new version.

    Raises
    ------
    ConflictError
        Another writer changed the same part of the table meanwhile.
    ConfigurationError
        The rows do not fit the remaining ones.
    StorageError
        The log cannot be read or written.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            longest = min(_LONGEST_WAIT_SECONDS, 0.02 * 2**attempt)
            time.sleep(random.uniform(0, longest))
        version = committed_version(folder, wanted.application)
        if version is not None:
            return version
        try:
            if _commit_once(folder, wanted):
                return _version_of(folder, wanted.application, newest=open_log(folder).version())
        except (DeltaError, OSError) as error:
            raise StorageError(
                f"Cannot write the table {folder.uri}",
                got=str(error),
                hint="Check that its folder can be written, then run the job again.",
            ) from error
    raise ConflictError(
        f"Other writers to {folder.uri} were faster {_ATTEMPTS} times",
        hint="Run the job again when fewer jobs write to the table.",
    )


def _commit_once(folder: Folder, wanted: Replacement) -> bool:
    """Try one transaction; return False if another writer committed first."""
    properties = CommitProperties(
        max_commit_retries=0,  # delta-rs would retry without checking the other transaction
        app_transactions=[Transaction(wanted.application, 1)],
    )
    table = open_if_there(folder)
    found = {} if table is None else active(table, wanted.scope)
    if wanted.replaced is not None and wanted.replaced != found.keys():
        raise ConflictError(
            f"Another job wrote to the same part of {folder.uri} while this one worked",
            hint="Its rows are there. Run this job again to replace them.",
        )
    try:
        if table is None:
            return _create(folder, wanted, properties)
        if wanted.scope.is_whole:
            _replace_all(folder, table, wanted, properties)
        else:
            _replace_part(folder, table, wanted, found, properties)
    except CommitFailedError:
        return False
    return True


def _create(folder: Folder, wanted: Replacement, properties: CommitProperties) -> bool:
    try:
        _put_anew(folder, wanted, properties, mode="error")
    except DeltaError:
        if open_if_there(folder) is None:
            raise
        return False
    return True


def _replace_all(
    folder: Folder, table: DeltaTable, wanted: Replacement, properties: CommitProperties
) -> None:
    if table.metadata().partition_columns != list(wanted.partition_by):
        before = table.version()
        _put_anew(folder, wanted, properties, mode="overwrite")
        if _version_of(folder, wanted.application, newest=open_log(folder).version()) > before + 1:
            raise ConflictError(
                f"Another job wrote to {folder.uri} just before this one replaced the whole table",
                hint="Its rows are in the version before; restore that, or run both jobs again.",
            )
        return
    schema = Schema.from_arrow(written_schema(wanted.schema))
    _allow_local_times(table, schema)
    table.create_write_transaction(
        [*_additions(wanted)],
        "overwrite",
        schema,
        list(wanted.partition_by),
        commit_properties=properties,
    )


def _put_anew(
    folder: Folder,
    wanted: Replacement,
    properties: CommitProperties,
    *,
    mode: Literal["error", "overwrite"],
) -> None:
    create_table_with_add_actions(
        delta_location(folder),
        Schema.from_arrow(written_schema(wanted.schema)),
        _additions(wanted),
        mode=mode,
        partition_by=list(wanted.partition_by),
        commit_properties=properties,
    )


def _replace_part(
    folder: Folder,
    table: DeltaTable,
    wanted: Replacement,
    found: Mapping[str, RemoveAction],
    properties: CommitProperties,
) -> None:
    new = new_fields(folder, table, wanted.schema, wanted.partition_by)
    if new:
        _allow_local_times(table, Schema.from_arrow(written_schema(wanted.schema)))
        table.alter.add_columns(new, commit_properties=_ONLY_IF_NEWEST)
    table.create_write_transaction(
        [*found.values(), *_additions(wanted)],
        "append",  # with these removals, since delta-rs' overwrite takes no set of partitions
        table.schema(),
        list(wanted.partition_by),
        commit_properties=properties,
    )


def _additions(wanted: Replacement) -> list[AddAction]:
    return [_action(file, wanted.partition_by) for file in wanted.files]


def _allow_local_times(table: DeltaTable, schema: Schema) -> None:
    """Enable Delta's feature of timestamps without a zone, if the rows add such a column."""
    needed = '"timestamp_ntz"' in schema.to_json()
    if needed and "timestampNtz" not in (table.protocol().reader_features or ()):
        feature = TableFeatures.TimestampWithoutTimezone
        table.alter.add_feature(
            feature, allow_protocol_versions_increase=True, commit_properties=_ONLY_IF_NEWEST
        )


def _version_of(folder: Folder, application: str, *, newest: int) -> int:
    """Find a transaction in the log itself: delta-rs' history does not include transactions."""
    log = folder.child(LOG)
    for version in range(newest, -1, -1):
        entry = f"{version:020}.json"
        if not log.exists(entry):
            break
        if _has_transaction(log.read(entry), application):
            return version
    return newest


def _has_transaction(entry: bytes, application: str) -> bool:
    actions = (from_json(line) for line in entry.splitlines() if b'"txn"' in line)
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
