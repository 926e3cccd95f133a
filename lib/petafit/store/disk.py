"""Atomic files on the local disk."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

Buffers: TypeAlias = Sequence[memoryview]
"""Consecutive bytes, so that large arrays are written without copying them into one buffer first.

The owner must not modify the memory before it is written.
"""

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def replace(path: Path, content: bytes | Buffers, *, durable: bool = True) -> None:
    """Replace a file atomically: its readers see the old content or the new.

    Parameters
    ----------
    durable : bool
        Wait until the content would survive a power failure.
    """
    temporary = _temporary(path, content, durable=durable)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def create(path: Path, content: bytes | Buffers) -> bool:
    """Create a file atomically if there is none; of several callers exactly one gets True."""
    temporary = _temporary(path, content)
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        return _create_in_place(path, content)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def link(path: Path, original: Path) -> None:
    """Make a second name for a file; a copy if the disk has no hard links."""
    _make_folder(path.parent)
    try:
        path.hardlink_to(original)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        shutil.copyfile(original, path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all its content, if it exists."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        if path.exists():
            raise


def as_buffers(content: bytes | Buffers) -> Buffers:
    """Return bytes as one buffer, and buffers unchanged."""
    return [memoryview(content)] if isinstance(content, bytes) else content


def _temporary(path: Path, content: bytes | Buffers, *, durable: bool = True) -> Path:
    """Write the content under a hidden name beside its final one."""
    _make_folder(path.parent)
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.writelines(as_buffers(content))
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:  # "file exists" would be misleading: the path is not a folder
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from error


def _create_in_place(path: Path, content: bytes | Buffers) -> bool:
    """Create exclusively, but not atomically: for disks without hard links."""
    try:
        with path.open("xb") as stream:
            stream.writelines(as_buffers(content))
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        return False
    return True
