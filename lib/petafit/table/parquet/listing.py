"""Listing of a Parquet table's files by common reader conventions, each once."""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pyarrow.fs import FileSelector, FileType

from petafit.errors import StorageError
from petafit.store.filesystem import Folder
from petafit.table.parquet.other_formats import SINK_LOG, listed_in_sink_log, refuse_other_formats

Files = list[tuple[str, int]]
"""Names below the root, and sizes in bytes; a root that is a file has the name ``""``."""

_UNFINISHED = re.compile(
    r".*(\.(_COPYING_|tmp|temp|partial|crc)|\.?in-?progress|_\$folder\$)", re.IGNORECASE
)
_PARQUET = re.compile(r".*\.(parquet|parq|pq)|[^.]*", re.IGNORECASE)
_MAGIC = (b"PAR1", b"PARE")
log = logging.getLogger("petafit")


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


class LocalFiles:
    """Walks a folder: first its own content, then the targets of links.

    A cyclic link is not followed. A file is listed once: by its own path if that is below the
    folder, else by the first link to it, in the order of names. Hard links are separate files, like
    copies.

    Parameters
    ----------
    top : str
        The folder's path.

    Attributes
    ----------
    folders : list of str
        Names of all folders found, relative to the top; hidden ones are not entered.
    """

    def __init__(self, top: str) -> None:
        self.top = top
        self.folders: list[str] = []
        self._entered: set[str] = set()
        self._links: list[tuple[str, str]] = []
        self._repeated: list[str] = []

    def find(self) -> list[tuple[str, int]]:
        """Return names relative to the top, and sizes in bytes.

        Raises
        ------
        StorageError
            A folder cannot be listed, or a link is broken.
        """
        try:
            found = [*self._walk("", os.path.realpath(self.top)), *self._linked()]
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            raise StorageError(f"Cannot list {error.filename or self.top}", got=reason) from error
        if self._repeated:
            log.warning(
                "%d links below %s lead to files that are counted already, such as %s",
                len(self._repeated),
                self.top,
                self._repeated[0],
            )
        return found

    def _walk(self, relative: str, real: str) -> Iterator[tuple[str, int]]:
        """Yield the files of a folder and of those below it; links are collected for later."""
        self._entered.add(real)
        with os.scandir(real) as entries:
            for entry in entries:
                name = f"{relative}/{entry.name}" if relative else entry.name
                if is_hidden(entry.name) and not entry.is_dir():
                    continue
                if entry.is_symlink():
                    self._links.append((name, entry.path))
                elif entry.is_dir():
                    self.folders.append(name)
                    if not is_hidden(entry.name):
                        yield from self._walk(name, entry.path)
                elif entry.is_file():
                    yield name, entry.stat().st_size

    def _linked(self) -> Iterator[tuple[str, int]]:
        """Yield the files behind links: folders first, since files in these have their own path."""
        files: list[tuple[str, Path]] = []
        while self._links:
            links, self._links = sorted(self._links), []
            for name, link in links:
                real = _target(Path(link))
                if not real.is_dir():
                    files.append((name, real))
                elif is_hidden(name.rpartition("/")[2]):
                    self.folders.append(name)
                elif str(real) in self._entered or real in Path(link).parent.parents:
                    self._repeated.append(name)
                else:
                    self.folders.append(name)
                    yield from self._walk(name, str(real))
        counted: set[Path] = set()
        for name, real in sorted(files):
            in_place = str(real.parent) in self._entered and not is_hidden(real.name)
            if real in counted or in_place:
                self._repeated.append(name)
            elif real.is_file():
                counted.add(real)
                yield name, real.stat().st_size


def is_hidden(name: str) -> bool:
    """Return whether a file or folder with this name is ignored in tables, as in Spark.

    Examples
    --------
    >>> is_hidden("_temporary"), is_hidden(".crc"), is_hidden("_day=1")
    (True, True, False)
    """
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _target(link: Path) -> Path:
    try:
        return link.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # the latter for cyclic links
        raise StorageError(
            f"The link {link} leads nowhere",
            got=link.readlink(),
            hint="Restore what it leads to, or remove it.",
        ) from error
