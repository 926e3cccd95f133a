"""Opens the filesystem an address lies on, once per process."""

import functools

import pyarrow as pa
from pyarrow import fs

from petafit.errors import ConfigurationError
from petafit.store.address import Address

_FILESYSTEMS = "a local path, file://, s3:// (or s3a://), gs://, abfs://, hdfs://"


def connect(address: Address) -> tuple[fs.FileSystem, str]:
    """The address's filesystem, and what its top is called there: ``/`` or a bucket's name.

    Raises
    ------
    ConfigurationError
        The filesystem is unknown or cannot be opened.
    """
    return (fs.LocalFileSystem(), "/") if address.is_local else _open(address.arrow_root)


def path_below(top: str, address: Address) -> str:
    """An address's path on the filesystem whose top has this name."""
    path = f"{top.rstrip('/')}{address.path}"
    return path or "/" if top.startswith("/") else path.lstrip("/")


@functools.lru_cache(maxsize=64)
def _open(root: str) -> tuple[fs.FileSystem, str]:
    # Kept, since making a client may ask the network for the bucket's region and for credentials.
    try:
        filesystem, top = fs.FileSystem.from_uri(root)
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError(
            f"Cannot open the filesystem of {root}",
            expected=_FILESYSTEMS,
            got=next(iter(str(error).splitlines()), ""),
        ) from error
    return filesystem, top
