"""The log of a Spark stream's output, which lists the folder's committed files."""

import re
from collections.abc import Collection

from petafit.errors import StorageError
from petafit.store.address import Address
from petafit.store.filesystem import Folder
from petafit.store.plain import from_json

SINK_LOG = "_spark_metadata"
_BATCH = re.compile(r"(\d+)(\.compact)?")
_VERSION = "v1"


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
