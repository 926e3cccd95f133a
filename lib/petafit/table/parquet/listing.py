"""Listing of a Parquet table's files by common reader conventions, each once."""

import re
from collections.abc import Iterable

from pyarrow.fs import FileSelector, FileType

from petafit.errors import StorageError
from petafit.store.filesystem import Folder
from petafit.table.parquet.local_files import LocalFiles, is_hidden
from petafit.table.parquet.other_formats import refuse_other_formats
from petafit.table.parquet.sink_log import SINK_LOG, listed_in_sink_log

Files = list[tuple[str, int]]
"""Names below the root, and sizes in bytes; a root that is a file has the name ``""``."""

_UNFINISHED = re.compile(
    r".*(\.(_COPYING_|tmp|temp|partial|crc)|\.?in-?progress|_\$folder\$)", re.IGNORECASE
)
_PARQUET = re.compile(r".*\.(parquet|parq|pq)|[^.]*", re.IGNORECASE)
_MAGIC = (b"PAR1", b"PARE")


def list_files(root: Folder) -> Files:
    """List the files of a Parquet table, sorted by name.

    Left out are names that start with ``.``, or with ``_`` except partition folders; files that are
    still being written, by their names; and empty ones not named as Parquet. In the output of a
    Spark stream, only the files in its log count.

    Raises
    ------
    ConfigurationError
        The folder is, holds, or lies in a table of a format whose log defines its files.
    StorageError
        The folder cannot be listed, or holds a file that is not Parquet.
    """
    itself = root.filesystem.get_file_info(root.path)
    if itself.type == FileType.File:
        refuse_other_formats(root, [])
        return [("", itself.size)]
    files, folders = _found(root)
    names = [name for name, _ in files]
    refuse_other_formats(root, [*folders, *names])
    if SINK_LOG in folders:
        listed = listed_in_sink_log(root, names)
        files = [(name, size) for name, size in files if name in listed]
    files = sorted((name, size) for name, size in files if _counts(name, size))
    _refuse_foreign(root, [name for name, _ in files])
    return files


def _found(root: Folder) -> tuple[Files, list[str]]:
    """Return all files that are not hidden, and all folders."""
    if root.is_local:
        local = LocalFiles(root.path)
        return local.find(), local.folders
    start = root.path.rstrip("/") + "/"
    infos = root.filesystem.get_file_info(FileSelector(root.path, recursive=True))
    files = [
        (info.path.removeprefix(start), info.size) for info in infos if info.type == FileType.File
    ]
    shown = [file for file in files if not any(map(is_hidden, file[0].split("/")))]
    return shown, _folders(name for name, _ in files)


def _folders(names: Iterable[str]) -> list[str]:
    """Return the folders of files, which object stores do not list; none within a hidden one."""
    found: dict[str, None] = {}
    for parent in {name.rpartition("/")[0] for name in names}:
        parts = parent.split("/") if parent else []
        for depth, part in enumerate(parts, start=1):
            found["/".join(parts[:depth])] = None
            if is_hidden(part):
                break
    return list(found)


def _counts(name: str, size: int) -> bool:
    last = name.rpartition("/")[2]
    return not _UNFINISHED.fullmatch(last) and (size > 0 or last.lower().endswith(".parquet"))


def _refuse_foreign(root: Folder, names: Iterable[str]) -> None:
    """Refuse files of other formats; one file of each extension but Parquet's is examined."""
    endings: dict[str, str] = {}
    for name in names:
        last = name.rpartition("/")[2]
        if not _PARQUET.fullmatch(last):
            endings.setdefault(re.sub(r"\d+", "0", last.rpartition(".")[2].lower()), name)
    foreign = [name for name in endings.values() if not _is_parquet(root.child(name))]
    if foreign:
        raise StorageError(
            f"{root.uri} holds files that are not Parquet",
            expected="no others, beside names that begin with _ or .",
            got=", ".join(foreign[:3]),
            hint="Move them out of the table's folder.",
        )


def _is_parquet(file: Folder) -> bool:
    with file.filesystem.open_input_file(file.path) as stream:
        return stream.size() >= 12 and bytes(stream.read(4)) in _MAGIC
