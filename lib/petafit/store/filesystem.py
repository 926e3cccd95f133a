"""Folders on any filesystem supported by pyarrow: atomic files, confined to the folder."""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from petafit.errors import StorageError
from petafit.store import disk, plain, remote
from petafit.store.address import Address, connect, path_below
from petafit.store.disk import Buffers
from petafit.store.object_storage import export, exported

_UNFINISHED = re.compile(r"\.[0-9a-f]{32}\.tmp")
_ABANDONED_AFTER = timedelta(days=1)
_WRITING = "Check the address, the space left, and the right to write there."
_REACHING = "Check the address, and that it can be reached."


class Folder:
    """A folder that may not exist yet; it is created with the first file written into it.

    Names are relative, with ``/`` between their parts, and cannot leave the folder. Hidden names,
    which start with a dot, are not listed: unfinished files and Hadoop's checksums have them.
    Folders compare by their URI; it is pickled, with the settings of the object store.

    Parameters
    ----------
    uri : str or path
        A local path, absolute or relative, or a URI: file://, s3:// (s3a:// is understood), gs://,
        abfs://, hdfs://.

    Attributes
    ----------
    uri : str
        Absolute; a plain path for the local disk.
    filesystem : pyarrow.fs.FileSystem
    path : str
        The folder's name on `filesystem`.

    Raises
    ------
    ConfigurationError
        The URI's filesystem is unknown or cannot be opened.
    """

    def __init__(self, uri: "str | os.PathLike[str] | Folder") -> None:
        address = Address.parse(uri.uri if isinstance(uri, Folder) else uri)
        self._address = address
        self.uri: str = address.uri
        self.filesystem, self._top = connect(address)
        self.path = path_below(self._top, address)

    @property
    def is_local(self) -> bool:
        """Return whether it is on this machine's disk."""
        return self._address.is_local

    @property
    def can_rename(self) -> bool:
        """Return whether `rename` is possible; object stores cannot."""
        return self.is_local or remote.can_rename(self.filesystem)

    @property
    def spark_uri(self) -> str:
        """Return the URI in Spark's form: file:// and s3a://, without options or escapes."""
        return self._address.spark_uri

    def child(self, *names: str) -> "Folder":
        """Return a folder below this one.

        Raises
        ------
        StorageError
            A name would leave this folder.
        """
        return _at(self._address.child(names))

    def split(self) -> "tuple[Folder, str]":
        """Return the parent folder, and the name there."""
        parent, name = self._address.split()
        return _at(parent), name

    def read(self, name: str) -> bytes:
        """Read a file's content.

        Raises
        ------
        StorageError
            The file is missing or inaccessible.
        """
        with self._failing("read", name) as path, self.filesystem.open_input_file(path) as stream:
            return bytes(stream.read())

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file's content, in hexadecimal, read piece by piece."""
        with self._failing("read", name) as path, self.filesystem.open_input_file(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def write(self, name: str, content: bytes | Buffers, *, durable: bool = True) -> None:
        """Write a file atomically: never an incomplete one under its name.

        Parameters
        ----------
        durable : bool
            On the local disk, wait until the file would survive a power failure.

        Raises
        ------
        StorageError
            The file cannot be written; gives the reason.
        """
        with self._failing("write", name) as path:
            if self.is_local:
                disk.replace(Path(path), content, durable=durable)
            else:
                remote.replace(self.filesystem, path, content)

    def create(self, name: str, content: bytes | Buffers) -> bool:
        """Write a file atomically if there is none; False if there is one.

        On the local disk exactly one of several concurrent callers gets True. On HDFS and object
        stores this is best effort: see `petafit.store.remote.create`.
        """
        with self._failing("write", name) as path:
            if self.is_local:
                return disk.create(Path(path), content)
            return remote.create(self.filesystem, path, content)

    def rename(self, old: str, new: str) -> None:
        """Rename a file or folder below this one; `new` must not exist."""
        with self._failing("rename", old) as source, self._failing("rename to", new) as target:
            self.filesystem.move(source, target)

    def link(self, name: str, original: "Folder") -> None:
        """Link the file of this name in another folder to here; a copy without hard links.

        For immutable files on the local disk.
        """
        with self._failing("write", name) as path, original._failing("read", name) as source:
            disk.link(Path(path), Path(source))

    def remove(self, name: str = "") -> None:
        """Remove a file or a folder with all its content; does nothing if it is missing."""
        with self._failing("remove", *_part(name)) as path:
            if self.is_local:
                disk.remove(Path(path))
            else:
                remote.remove(self.filesystem, path)

    def remove_abandoned(self) -> None:
        """Remove the folder's unfinished files that have not been written to for a day."""
        with self._failing("list") as path:
            selector = fs.FileSelector(path, allow_not_found=True)
            infos = self.filesystem.get_file_info(selector)
        oldest = datetime.now(UTC) - _ABANDONED_AFTER
        for info in infos:
            if _UNFINISHED.fullmatch(info.base_name) and info.mtime and info.mtime < oldest:
                self.remove(info.base_name)

    def exists(self, name: str = "") -> bool:
        """Return whether a file or folder exists."""
        with self._failing("look at", *_part(name)) as path:
            return bool(self.filesystem.get_file_info(path).type != fs.FileType.NotFound)

    def modified(self, name: str) -> float:
        """Return a file's modification time, in seconds since the epoch, by the storage's clock.

        Raises
        ------
        StorageError
            The file is missing or inaccessible.
        """
        with self._failing("look at", name) as path:
            info = self.filesystem.get_file_info(path)
            if not info.is_file:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if info.mtime_ns is None:
                raise OSError("the storage does not record when files were written")
        return float(info.mtime_ns) / 1e9

    def names(self) -> list[str]:
        """Return the folder's direct children, sorted; none if the folder is missing."""
        return sorted(info.base_name for info in self._children(recursive=False))

    def files(self) -> list[str]:
        """Return all files below the folder, as sorted relative names."""
        start = f"{self.path.rstrip('/')}/"
        infos = self._children(recursive=True)
        names = (info.path.removeprefix(start) for info in infos if info.is_file)
        return sorted(name for name in names if not name.startswith(".") and "/." not in name)

    def write_json(self, name: str, value: Any, *, durable: bool = True) -> None:
        """Write a value as JSON, in the form of `petafit.store.plain`; `durable` as in `write`."""
        self.write(name, plain.to_json(value), durable=durable)

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises
        ------
        StorageError
            The file is missing or is not JSON.
        """
        content = self.read(name)
        try:
            return plain.from_json(content)
        except ValueError as error:
            raise StorageError(
                f"{self._address.child([name]).uri} is not JSON",
                got=str(error),
                hint="The file is damaged.",
            ) from error

    def _children(self, *, recursive: bool) -> list[fs.FileInfo]:
        with self._failing("list") as path:
            selector = fs.FileSelector(path, allow_not_found=True, recursive=recursive)
            infos = self.filesystem.get_file_info(selector)
        return [info for info in infos if not info.base_name.startswith(".")]

    @contextmanager
    def _failing(self, verb: str, *names: str) -> Iterator[str]:
        """Yield the path for pyarrow, and convert its exceptions to a StorageError."""
        address = self._address.child(names)
        try:
            yield path_below(self._top, address)
        except (OSError, pa.ArrowException) as error:
            number = getattr(error, "errno", None)
            reason = os.strerror(number) if number else error
            hint = _WRITING if verb == "write" else _REACHING
            raise StorageError(f"Cannot {verb} {address.uri}", got=reason, hint=hint) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folder) and self.uri == other.uri

    def __hash__(self) -> int:
        return hash(self.uri)

    def __reduce__(self) -> "tuple[Callable[[str, dict[str, str]], Folder], tuple[Any, ...]]":
        return _reached, (self.uri, exported())

    def __repr__(self) -> str:
        return f"Folder({self.uri!r})"


def _at(address: Address) -> Folder:
    return Folder(address.uri)


def _reached(uri: str, variables: dict[str, str]) -> Folder:
    """Return a folder that another process pickled, on the storage that it used."""
    export(variables)
    return Folder(uri)


def _part(name: str) -> tuple[str, ...]:
    return (name,) if name else ()
