"""Folders whose log says which files count: a Spark stream's is read, all others are refused."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pyarrow.fs import FileSelector, FileType

from petafit.errors import ConfigurationError, StorageError
from petafit.store.address import Address
from petafit.store.filesystem import Folder
from petafit.store.plain import from_json

_NAME_IT = "Name that as `table.uri`, and choose its rows with `table.filter`."
_COPY_IT = "Copy its rows to a Delta or Parquet table with Spark, and name that as `table.uri`."
SINK_LOG = "_spark_metadata"
_BATCH = re.compile(r"(\d+)(\.compact)?")
_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class OtherFormat:
    """A table format, and the alternative for the user."""

    kind: str
    hint: str


_ICEBERG = OtherFormat("an Iceberg table", _COPY_IT)
_STREAM = OtherFormat("the output of a Spark stream", _NAME_IT)
_BY_LOG = {
    "_delta_log": OtherFormat("a Delta table", _NAME_IT),
    ".hoodie": OtherFormat("a Hudi table", _COPY_IT),
    SINK_LOG: _STREAM,
}
_METADATA, _METADATA_FILE = "metadata", ".metadata.json"


def refuse_other_formats(root: Folder, names: Iterable[str]) -> None:
    """Refuse a folder that is, holds, or lies in a table of another format.

    Parameters
    ----------
    names : iterable of str
        Names of the files and folders below it, without the content of hidden folders.

    Raises
    ------
    ConfigurationError
        The files may hold rows that were deleted, or never committed.
    """
    for place, found in _within(names):
        if place:
            raise _refusal(f"{root.uri} holds {root.child(place).uri}, which is", found)
        if found is not _STREAM:  # whose log is supported
            raise _refusal(f"{root.uri} is", found)
    for above, found in _above(root):
        raise _refusal(f"{root.uri} lies in {above.uri}, which is", found)


def _refusal(what: str, found: OtherFormat) -> ConfigurationError:
    return ConfigurationError(
        f"{what} {found.kind}: without its log, rows count that were removed or never committed",
        hint=found.hint,
    )


def _within(names: Iterable[str]) -> Iterator[tuple[str, OtherFormat]]:
    for name in names:
        place, _, last = name.rpartition("/")
        if last in _BY_LOG:
            yield place, _BY_LOG[last]
        elif last.endswith(_METADATA_FILE) and place.rpartition("/")[2] == _METADATA:
            yield place.rpartition("/")[0], _ICEBERG


def _above(root: Folder) -> Iterator[tuple[Folder, OtherFormat]]:
    """Return the parent folders that are tables."""
    folder, name = root.split()
    while name:
        for log, found in _BY_LOG.items():
            if _is_folder(folder, log):
                yield folder, found
        if _is_folder(folder, _METADATA) and _has_metadata(folder.child(_METADATA)):
            yield folder, _ICEBERG
        folder, name = folder.split()


def _is_folder(folder: Folder, name: str) -> bool:
    """Return whether a folder exists; False if access is denied."""
    try:
        info = folder.filesystem.get_file_info(folder.child(name).path)
    except OSError:
        return False
    return bool(info.type == FileType.Directory)


def _has_metadata(folder: Folder) -> bool:
    try:
        infos = folder.filesystem.get_file_info(FileSelector(folder.path))
    except OSError:
        return False
    return any(info.base_name.endswith(_METADATA_FILE) for info in infos)


def listed_in_sink_log(root: Folder, names: Collection[str]) -> set[str]:
    """Return the names of the committed files, relative to the output's folder.

    A stream that was stopped within a batch leaves uncommitted files in the folder, and writes
    their rows again under other names.

    Parameters
    ----------
    names : collection of str
        Names of the files in the folder.

    Raises
    ------
    StorageError
        The log is damaged, lists a missing file, or was written under another address.
    """
    listed = {name for batch in _batches(root) for name in _files(root, batch)}
    missing = sorted(listed.difference(names))
    if missing:
        raise StorageError(
            f"Files of the Spark stream's output {root.uri} are missing that its log lists",
            got=", ".join(missing[:3]),
            hint="Restore them.",
        )
    return listed


def _batches(root: Folder) -> list[str]:
    """Return the log's files from the last compacted one on."""
    found = []
    for name in root.child(SINK_LOG).names():
        batch = _BATCH.fullmatch(name)
        if batch:
            found.append((int(batch[1]), bool(batch[2]), name))
    found.sort()
    start = max((number for number, is_whole, _ in found if is_whole), default=0)
    return [name for number, _, name in found if number >= start]


def _files(root: Folder, batch: str) -> list[str]:
    name = f"{SINK_LOG}/{batch}"
    lines = root.read(name).decode(errors="replace").splitlines()
    try:
        if lines[0] != _VERSION:
            raise ValueError(f"version {lines[0]}")
        entries = [from_json(line) for line in lines[1:]]
        paths = [entry["path"] for entry in entries if entry["action"] == "add"]
    except (ValueError, LookupError, TypeError) as error:
        raise StorageError(
            f"The log {root.uri}/{name} of a Spark stream's output cannot be read", got=error
        ) from error
    return [_relative(root, path) for path in paths]


def _relative(root: Folder, path: str) -> str:
    top, place = Address.parse(root.uri), Address.parse(path)
    start = f"{top.path}/"
    if place.authority != top.authority or not place.path.startswith(start):
        raise StorageError(
            f"The log of the Spark stream's output {root.uri} lists files of another folder",
            got=path,
            hint="The folder was moved or copied: read it where it was written.",
        )
    return place.path.removeprefix(start)
