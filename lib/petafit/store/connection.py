"""Connections to the filesystems of addresses, once per process."""

import functools

import pyarrow as pa
from pyarrow import fs

from petafit.errors import ConfigurationError
from petafit.store.address import Address

_FILESYSTEMS = "a local path, file://, s3:// (or s3a://), gs://, abfs://, hdfs://"


def connect(address: Address) -> tuple[fs.FileSystem, str]:
    """Return the address's filesystem, and the name of its root there: ``/`` or a bucket's name.

    Raises
    ------
    ConfigurationError
        The filesystem is unknown or cannot be opened.
    """
    return (fs.LocalFileSystem(), "/") if address.is_local else _open(address.arrow_root)


def path_below(top: str, address: Address) -> str:
    """Return an address's path on the filesystem whose root has this name."""
    path = f"{top.rstrip('/')}{address.path}"
    return path or "/" if top.startswith("/") else path.lstrip("/")


@functools.lru_cache(maxsize=64)
def _open(root: str) -> tuple[fs.FileSystem, str]:
    # Cached, since creating a client may query the network for the bucket's region and credentials.
    try:
        filesystem, top = fs.FileSystem.from_uri(root)
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError(
            f"Cannot open the filesystem of {root}",
            expected=_FILESYSTEMS,
            got=next(iter(str(error).splitlines()), ""),
        ) from error
    return filesystem, top
