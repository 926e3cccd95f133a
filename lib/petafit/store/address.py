"""Addresses of files and folders, and connections to their filesystems."""

import functools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import parse_qsl, quote, unquote

import pyarrow as pa
from pyarrow import fs

from petafit.errors import ConfigurationError, StorageError
from petafit.messages import is_secret
from petafit.store.object_storage import ANONYMOUS, VIRTUAL_HOSTS, exported, is_on

_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/(?:/(?P<authority>[^/?]*))?(?P<rest>.*)")
_NO_FILES = re.compile(r"jdbc:|[A-Za-z][A-Za-z0-9+.-]+:[A-Za-z0-9+.-]+://")
_LOCAL = "file"
_ARROW_SCHEMES = {"s3a": "s3", "s3n": "s3"}
_SPARK_SCHEMES = {"s3": "s3a", "s3n": "s3a", "gcs": "gs"}
_FILESYSTEMS = "a local path, file://, s3:// (or s3a://), gs://, abfs://, hdfs://"


@dataclass(frozen=True, slots=True)
class Address:
    """A folder's address.

    Attributes
    ----------
    scheme : str
        ``file`` for the local disk.
    authority : str
        Bucket, container or name node; empty for the local disk.
    path : str
        Decoded; starts with a slash and never ends with one, so the root is the empty string.
    options : str
        The query string, as in ``s3://bucket/folder?region=eu-west-1``.
    """

    scheme: str
    authority: str
    path: str
    options: str = ""

    @classmethod
    def parse(cls, text: str | os.PathLike[str]) -> Self:
        """Parse a URI, or a local path, which is made absolute.

        Raises
        ------
        ConfigurationError
            The text is empty, the URI is not a folder's, or it contains a password or key, which
            would appear in manifests.

        Examples
        --------
        >>> Address.parse("s3a://bucket/my%20models/").path
        '/my models'
        """
        text = os.fspath(text)
        if not text:
            raise ConfigurationError("A folder's path is empty", expected="a path or a URI")
        parts = _URI.fullmatch(text)
        if parts is None and _NO_FILES.match(text):
            raise ConfigurationError(
                f"A URI that begins with '{text.partition(':')[0]}:' names no folder",
                expected="a path, or a URI such as s3://bucket/folder",
            )
        if parts is None:
            return cls(_LOCAL, "", _absolute(text))
        scheme, authority = parts["scheme"].lower(), parts["authority"] or ""
        path, _, options = parts["rest"].partition("?")
        path = "/" + unquote(path).strip("/")
        if scheme == _LOCAL:
            return cls(_LOCAL, "", _absolute(path))
        _refuse_secrets(authority, options, shown=f"{scheme}://...{path.rpartition('@')[2]}")
        return cls(scheme, authority, path.rstrip("/"), options)

    @property
    def is_local(self) -> bool:
        return self.scheme == _LOCAL

    @property
    def uri(self) -> str:
        """Return a plain path for the local disk, else the URI."""
        if self.is_local:
            return self.path or "/"
        options = f"?{self.options}" if self.options else ""
        return f"{self.scheme}://{self.authority}{quote(self.path)}{options}"

    @property
    def arrow_root(self) -> str:
        """Return the URI that pyarrow connects to: the root of a bucket, container or name node."""
        scheme = _ARROW_SCHEMES.get(self.scheme, self.scheme)
        options = f"?{self.options}" if self.options else ""
        return f"{scheme}://{self.authority}/{options}"

    @property
    def spark_uri(self) -> str:
        """Return the name for Spark and Hadoop: not encoded, without options, and ``s3a``.

        Examples
        --------
        >>> Address.parse("s3://bucket/my%20models?region=eu-west-1").spark_uri
        's3a://bucket/my models'
        """
        return (
            f"{_SPARK_SCHEMES.get(self.scheme, self.scheme)}://{self.authority}{self.path or '/'}"
        )

    def child(self, names: Sequence[str]) -> Self:
        """Return an address below this one.

        Raises
        ------
        StorageError
            A name would leave the folder.
        """
        parts = [part for name in names for part in name.split("/")]
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise StorageError(
                f"A path leaves its folder {self.uri}",
                expected="names below it, without '..'",
                got=repr("/".join(names)),
            )
        return replace(self, path="/".join([self.path, *parts]))

    def split(self) -> tuple[Self, str]:
        """Return the parent's address, and the name there."""
        parent, _, name = self.path.rpartition("/")
        return replace(self, path=parent), name


def _absolute(path: str) -> str:
    # Not Path.resolve(): other machines share the link, such as /data -> /mnt/nfs3.
    absolute = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111
    return "/" + absolute.strip("/") if absolute != "/" else ""


def _refuse_secrets(authority: str, options: str, *, shown: str) -> None:
    user, at, host = authority.rpartition("@")
    port = host.rpartition("]")[2].partition(":")[2]  # a password with a slash is parsed as one
    secret = (at and ":" in user) or (port and not port.isdecimal())
    if secret or any(is_secret(name) for name, _ in parse_qsl(options, keep_blank_values=True)):
        raise ConfigurationError(
            f"The URI {shown} carries a password or a key",
            hint="It would end up in manifests and logs: give credentials by the environment, "
            "as the storage's own tools take them.",
        )


def connect(address: Address) -> tuple[fs.FileSystem, str]:
    """Return the address's filesystem, and the name of its root there: ``/`` or a bucket's name.

    Raises
    ------
    ConfigurationError
        The filesystem is unknown or cannot be opened.
    """
    if address.is_local:
        return fs.LocalFileSystem(), "/"
    return _open(address.arrow_root, tuple(sorted(exported().items())))


def path_below(top: str, address: Address) -> str:
    """Return an address's path on the filesystem whose root has this name."""
    path = f"{top.rstrip('/')}{address.path}"
    return path or "/" if top.startswith("/") else path.lstrip("/")


@functools.lru_cache(maxsize=64)
def _open(root: str, variables: Sequence[object]) -> tuple[fs.FileSystem, str]:
    # Cached, since creating a client may query the network for the bucket's region and credentials;
    # for each address of the storage, since a client keeps to that of its creation.
    try:
        filesystem, top = fs.FileSystem.from_uri(root)
        if isinstance(filesystem, fs.S3FileSystem) and (is_on(ANONYMOUS) or is_on(VIRTUAL_HOSTS)):
            filesystem = fs.S3FileSystem(  # no variable of the SDK says either
                anonymous=is_on(ANONYMOUS),
                force_virtual_addressing=is_on(VIRTUAL_HOSTS),
                region=filesystem.region,
            )
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError(
            f"Cannot open the filesystem of {root}",
            expected=_FILESYSTEMS,
            got=next(iter(str(error).splitlines()), ""),
        ) from error
    return filesystem, top
