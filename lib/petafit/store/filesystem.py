"""A folder on any filesystem pyarrow opens: whole files or none, and no way out of it."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from petafit.errors import StorageError
from petafit.store import disk, plain, remote
from petafit.store.address import Address
from petafit.store.connection import connect, path_below
from petafit.store.pieces import Pieces

_UNFINISHED = re.compile(r"\.[0-9a-f]{32}\.tmp")
_ABANDONED_AFTER = timedelta(days=1)
_WRITING = "Check the address, the space left, and the right to write there."
_REACHING = "Check the address, and that it can be reached."


class Folder:
    """A folder that may not exist yet; it is made by the first file written into it.

    Names are relative, with ``/`` between their parts, and cannot leave the folder. Hidden names,
    those that begin with a dot, are not listed: unfinished files and Hadoop's checksums have them.
    Folders compare by their URI, and only that travels when one is pickled.

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
        """Whether it lies on this machine's disk."""
        return self._address.is_local

    @property
    def can_rename(self) -> bool:
        """Whether `rename` is possible; object stores cannot."""
        return self.is_local or remote.can_rename(self.filesystem)

    @property
    def spark_uri(self) -> str:
        """The same folder as Spark names it: file:// and s3a://, without options or escapes."""
        return self._address.spark_uri

    def child(self, *names: str) -> "Folder":
        """A folder below this one.

        Raises
        ------
        StorageError
            A name would leave this folder.
        """
        return _at(self._address.child(names))

    def split(self) -> "tuple[Folder, str]":
        """The folder this one lies in, and its name there."""
        parent, name = self._address.split()
        return _at(parent), name

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises
        ------
        StorageError
            The file is missing or out of reach.
        """
        with self._failing("read", name) as path, self.filesystem.open_input_file(path) as stream:
            return bytes(stream.read())

    def digest(self, name: str) -> str:
        """The SHA-256 of a file's content, in hexadecimal, read piece by piece."""
        with self._failing("read", name) as path, self.filesystem.open_input_file(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def write(self, name: str, content: bytes | Pieces, *, durable: bool = True) -> None:
        """Write a file at once: never a half-written one under its name.

        Parameters
        ----------
        durable : bool
            On the local disk, wait until the file would outlast a loss of power.

        Raises
        ------
        StorageError
            The file cannot be written; says why.
        """
        with self._failing("write", name) as path:
            if self.is_local:
                disk.replace(Path(path), content, durable=durable)
            else:
                remote.replace(self.filesystem, path, content)

    def create(self, name: str, content: bytes | Pieces) -> bool:
        """Write a file at once if none is there; False where one is.

        On the local disk exactly one of several concurrent callers gets True. On HDFS and object
        stores this is best effort: see `petafit.store.remote.create`.
        """
        with self._failing("write", name) as path:
            if self.is_local:
                return disk.create(Path(path), content)
            return remote.create(self.filesystem, path, content)

    def rename(self, old: str, new: str) -> None:
        """Rename a file or folder below this one; `new` must not be there yet."""
        with self._failing("rename", old) as source, self._failing("rename to", new) as target:
            self.filesystem.move(source, target)

    def link(self, name: str, original: "Folder") -> None:
        """Put the file of this name in another folder here too, by a link where there are links.

        For files on the local disk that never change.
        """
        with self._failing("write", name) as path, original._failing("read", name) as source:
            disk.link(Path(path), Path(source))

    def remove(self, name: str = "") -> None:
        """Remove a file or a folder with everything in it; nothing to do where it is missing."""
        with self._failing("remove", *_part(name)) as path:
            if self.is_local:
                disk.remove(Path(path))
            else:
                remote.remove(self.filesystem, path)

    def remove_abandoned(self) -> None:
        """Remove the folder's unfinished files that nobody has written to for a day."""
        with self._failing("list") as path:
            selector = fs.FileSelector(path, allow_not_found=True)
            infos = self.filesystem.get_file_info(selector)
        oldest = datetime.now(UTC) - _ABANDONED_AFTER
        for info in infos:
            if _UNFINISHED.fullmatch(info.base_name) and info.mtime and info.mtime < oldest:
                self.remove(info.base_name)

    def exists(self, name: str = "") -> bool:
        """Whether a file or folder is there."""
        with self._failing("look at", *_part(name)) as path:
            return bool(self.filesystem.get_file_info(path).type != fs.FileType.NotFound)

    def modified(self, name: str) -> float:
        """The time a file was last written, in seconds since the epoch, by the storage's clock.

        Raises
        ------
        StorageError
            The file is missing or out of reach.
        """
        with self._failing("look at", name) as path:
            info = self.filesystem.get_file_info(path)
            if not info.is_file:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if info.mtime_ns is None:
                raise OSError("the storage does not say when files were written")
        return float(info.mtime_ns) / 1e9

    def names(self) -> list[str]:
        """The folder's direct children, sorted; none where the folder is missing."""
        return sorted(info.base_name for info in self._children(recursive=False))

    def files(self) -> list[str]:
        """All files below the folder, as sorted relative names."""
        start = f"{self.path.rstrip('/')}/"
        infos = self._children(recursive=True)
        names = (info.path.removeprefix(start) for info in infos if info.is_file)
        return sorted(name for name in names if not name.startswith(".") and "/." not in name)

    def write_json(self, name: str, value: Any, *, durable: bool = True) -> None:
        """Write a value as JSON, as `petafit.store.plain` says; `durable` as in `write`."""
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
        """The path pyarrow wants; what goes wrong with it becomes a StorageError that names it."""
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

    def __reduce__(self) -> "tuple[type[Folder], tuple[str]]":
        return Folder, (self.uri,)

    def __repr__(self) -> str:
        return f"Folder({self.uri!r})"


def _at(address: Address) -> Folder:
    return Folder(address.uri)


def _part(name: str) -> tuple[str, ...]:
    return (name,) if name else ()
