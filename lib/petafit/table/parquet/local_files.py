"""Listing of the files below a local folder, each once, following links."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from petafit.errors import StorageError

log = logging.getLogger("petafit")


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
