"""Delta tables: the log is read by delta-rs, without a JVM; data files are not read here."""

import atexit
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow.fs import FileType

from petafit.errors import ConfigurationError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.columns import table_schema
from petafit.table.snapshot import DataFile, Snapshot

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_READABLE_FEATURES = {"timestampNtz", "deletionVectors"}
LOG = "_delta_log"

_MISREAD = re.compile(r"[%\\\[\]^|\x00-\x1f\x7f]")
"""delta-rs 1.6 decodes a path twice, takes a backslash for a slash, and panics at [, ], ^ and |."""
_COMMIT = re.compile(r"(\d{20})(\.checkpoint(\..+)?\.parquet|\.json)")
_LOOKS = 1000
"""Number of files examined among those of an old version that the newest has not; evenly spread."""

FilesOf = Callable[[int], Sequence[str]]
"""Returns the locations of a version's files."""


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


def delta_location(table: Folder) -> str:
    """Return the URI by which delta-rs reads and writes the log of this table, and of no other.

    A local folder whose name delta-rs would misread is replaced by a temporary folder with a link
    to its log, without the data files.

    Raises
    ------
    ConfigurationError
        delta-rs would read another folder, and the filesystem has no links.
    """
    if not _MISREAD.search(table.path):
        return table.uri
    if table.is_local:
        # delta-rs cannot create the log folder through a link
        Path(table.path, LOG).mkdir(parents=True, exist_ok=True)
        return _stand_in(table.path)
    raise ConfigurationError(
        f"The Delta table at {table.uri} cannot be opened: delta-rs would look into another folder",
        expected="a folder whose name has no %, \\, [, ], ^, | or control characters",
        hint="Move the table to another folder.",
    )


@cache
def _stand_in(path: str) -> str:
    """Make the temporary folder for a table, one for each process."""
    folder = tempfile.mkdtemp(prefix="petafit-delta-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, LOG).symlink_to(Path(path, LOG), target_is_directory=True)
    return folder


def oldest_logged(root: Folder) -> int:
    """Return the oldest version that the log can restore: from the first commit, or a checkpoint.

    Commits older than all checkpoints are useless without the very first commit.
    """
    found = [match for name in root.child(LOG).names() if (match := _COMMIT.fullmatch(name))]
    if any(int(match[1]) == 0 for match in found):
        return 0
    return min((int(match[1]) for match in found if match[2] != ".json"), default=0)


def check_kept(root: Folder, version: int, newest: int, files_of: FilesOf) -> None:
    """Refuse an old version whose files were removed, as VACUUM does.

    Raises
    ------
    ConfigurationError
        Names a missing file, and the oldest version whose files all exist.
    """
    kept = frozenset(files_of(newest))
    gone = _gone(root, files_of(version), kept)
    if not gone:
        return
    missing, whole = version, newest  # files disappear in the order in which versions removed them
    while whole - missing > 1:
        middle = (missing + whole) // 2
        if _gone(root, files_of(middle), kept):
            missing = middle
        else:
            whole = middle
    raise ConfigurationError(
        f"Version {version} of the Delta table at {root.uri} was cleaned up: its files are gone",
        expected=f"a version from {whole} to {newest}" if whole < newest else f"version {newest}",
        got=f"no file {gone}",
        hint="Leave `table.version` out for the newest, or start again under a new run id.",
    )


def _gone(root: Folder, files: Sequence[str], kept: frozenset[str]) -> str | None:
    """Return a file of a version that no longer exists; the newest version's files are not checked.

    Files outside the folder, as in a shallow clone, belong to another table.
    """
    start = f"{root.uri.rstrip('/')}/"
    old = [path for path in files if path not in kept and path.startswith(start)]
    looked = old[:: -(-len(old) // _LOOKS)] if old else []
    infos = root.filesystem.get_file_info([Folder(path).path for path in looked])
    missing = (
        path for path, info in zip(looked, infos, strict=True) if info.type == FileType.NotFound
    )
    return next(missing, None)
