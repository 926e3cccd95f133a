"""Delta tables: the log is read by delta-rs, without a JVM; data files are not read here."""

import json
import re
from functools import partial
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from petafit.errors import ConfigurationError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.delta.cleaning import check_kept, oldest_logged
from petafit.table.delta.location import delta_location
from petafit.table.snapshot import DataFile, Snapshot
from petafit.table.types import table_schema

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_READABLE_FEATURES = {"timestampNtz", "deletionVectors"}


def open_delta(uri: str, *, version: int | None = None) -> Snapshot:
    """Pin a version of a Delta table; by default the newest.

    Raises
    ------
    ConfigurationError
        The table has no such version, or its files are gone.
    StorageError
        The log is damaged, or requires a feature that delta-rs lacks.
    """
    root = Folder(uri)
    table = open_log(root, version)
    if version is not None:
        newest = open_log(root).version()
        check_kept(root, version, newest, partial(_paths, root))
    partition_columns = tuple(table.metadata().partition_columns)
    actions = pa.table(table.get_add_actions(flatten=True)).sort_by("path")
    has_deletions = _has_deletion_vectors(table)
    return Snapshot(
        uri=root.uri,
        format="delta",
        version=table.version(),
        schema=table_schema(pa.schema(table.schema().to_arrow())),
        partition_columns=partition_columns,
        files=_data_files(root, actions, partition_columns),
        scan_reason=_scan_reason(table, has_deletions=has_deletions),
        has_deletions=has_deletions,
    )


def open_log(root: Folder, version: int | None = None) -> DeltaTable:
    """Open the log of a table at a version; by default the newest. Errors as in `open_delta`."""
    try:
        return DeltaTable(delta_location(root), version=version)
    except (DeltaError, OSError, OverflowError) as error:
        if version is not None:
            newest = open_log(root).version()
            oldest = oldest_logged(root)
            if not oldest <= version <= newest:
                raise ConfigurationError(
                    f"The Delta table at {root.uri} has no version {version}",
                    expected=f"a version from {oldest} to {newest}",
                    got="one that was cleaned up" if 0 <= version < oldest else None,
                    hint="Leave `table.version` out for the newest.",
                ) from error
        raise StorageError(
            f"The log of the Delta table at {root.uri} cannot be read",
            got=str(error).partition("\n")[0],  # delta-rs may append a stack trace
            hint="It is damaged, out of reach, or of a newer Delta than petafit's.",
        ) from error


def _paths(root: Folder, version: int) -> list[str]:
    """Return the locations of a version's files."""
    actions = pa.table(open_log(root, version).get_add_actions(flatten=True))
    return [_location(root, path) for path in actions["path"].to_pylist()]


def _data_files(root: Folder, actions: pa.Table, columns: tuple[str, ...]) -> tuple[DataFile, ...]:
    values = [actions[f"partition.{name}"].to_pylist() for name in columns]
    sizes, rows = actions["size_bytes"].to_pylist(), actions["num_records"].to_pylist()
    return tuple(
        DataFile(
            path=_location(root, path),
            size=sizes[i],
            rows=rows[i],
            partition={name: column[i] for name, column in zip(columns, values, strict=True)},
        )
        for i, path in enumerate(actions["path"].to_pylist())
    )


def _location(root: Folder, path: str) -> str:
    """Return a file's location. The log has URIs, so a folder p=a%20b is recorded as p=a%2520b."""
    is_absolute = _ABSOLUTE.match(path)  # as in the log of a shallow clone
    return Folder(path).uri if is_absolute else root.child(unquote(path)).uri


def _scan_reason(table: DeltaTable, *, has_deletions: bool) -> str | None:
    """Return why the data files alone do not give the table's rows, by Delta's protocol."""
    protocol = table.protocol()
    features = set(protocol.reader_features or ())
    unknown = features - _READABLE_FEATURES
    if unknown:
        return f"the table uses the Delta features {', '.join(sorted(unknown))}"
    if protocol.min_reader_version != 1 and protocol.reader_features is None:
        return f"the table asks for version {protocol.min_reader_version} of Delta's protocol"
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mapping != "none":
        return f"the table maps its columns to other names in the files (mode {mapping})"
    if _has_type_changes(json.loads(table.schema().to_json())):
        return "the type of a column was changed after files were written"
    if has_deletions:
        return "rows of some files are deleted by deletion vectors"
    return None


def _has_type_changes(node: object) -> bool:
    """Return whether a field of a Delta schema in JSON, or a nested one, was widened."""
    if isinstance(node, dict):
        return "delta.typeChanges" in node or any(map(_has_type_changes, node.values()))
    return isinstance(node, list) and any(map(_has_type_changes, node))


def _has_deletion_vectors(table: DeltaTable) -> bool:
    if "deletionVectors" not in (table.protocol().reader_features or ()):
        return False
    try:
        reader = pa.RecordBatchReader.from_stream(table.deletion_vectors())
        return any(batch.num_rows for batch in reader)
    except (DeltaError, pa.ArrowException):
        return True  # in a form or location that delta-rs cannot read
