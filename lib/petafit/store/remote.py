"""Atomic files on any pyarrow filesystem: the counterpart of `petafit.store.disk`.

An object store makes a file visible when its put completes, and has no rename. Elsewhere (HDFS) an
unfinished file is visible, so it is written under a hidden name, verified, and renamed.
"""

from contextlib import suppress
from uuid import uuid4

from pyarrow import fs

from petafit.store.disk import Buffers, as_buffers

_PUT_IS_ATOMIC = frozenset({"s3", "gcs", "abfs"})


def can_rename(filesystem: fs.FileSystem) -> bool:
    """Return whether a rename changes the name only; an object store would copy every byte."""
    return filesystem.type_name not in _PUT_IS_ATOMIC


def replace(filesystem: fs.FileSystem, path: str, content: bytes | Buffers) -> None:
    """Replace a file; on HDFS readers may find none between the old and the new content."""
    if not can_rename(filesystem):
        _put(filesystem, path, content)
        return
    temporary = _temporary(filesystem, path, content)
    try:
        remove(filesystem, path)
        filesystem.move(temporary, path)
    except BaseException:
        remove(filesystem, temporary)
        raise


def create(filesystem: fs.FileSystem, path: str, content: bytes | Buffers) -> bool:
    """Create a file if there is none.

    Best effort: HDFS refuses to rename onto a file, so one caller wins; an object store cannot
    refuse through pyarrow, so two callers within one round trip may both get True.
    """
    if _exists(filesystem, path):
        return False
    if not can_rename(filesystem):
        _put(filesystem, path, content)
        return True
    temporary = _temporary(filesystem, path, content)
    try:
        filesystem.move(temporary, path)
    except OSError:
        if not _exists(filesystem, path):
            raise
        return False
    finally:
        remove(filesystem, temporary)
    return True


def remove(filesystem: fs.FileSystem, path: str) -> None:
    """Remove a file or a folder with all its content, if it exists."""
    kind = filesystem.get_file_info(path).type
    if kind == fs.FileType.Directory:
        filesystem.delete_dir(path)
    elif kind != fs.FileType.NotFound:
        filesystem.delete_file(path)


def _temporary(filesystem: fs.FileSystem, path: str, content: bytes | Buffers) -> str:
    parent = path.rpartition("/")[0]
    filesystem.create_dir(parent, recursive=True)
    temporary = f"{parent}/.{uuid4().hex}.tmp"
    try:
        _put(filesystem, temporary, content)
    except BaseException:
        remove(filesystem, temporary)
        raise
    return temporary


def _put(filesystem: fs.FileSystem, path: str, content: bytes | Buffers) -> None:
    """Write, close and verify.

    Closing a stream after a failed write may complete the file with the bytes written so far: that
    file is removed. A failed close leaves the previous content.
    """
    buffers = as_buffers(content)
    stream = filesystem.open_output_stream(path, compression=None)
    try:
        for buffer in buffers:
            stream.write(buffer)
    except BaseException:
        with suppress(OSError):
            stream.close()
        remove(filesystem, path)
        raise
    stream.close()
    size = filesystem.get_file_info(path).size
    written = sum(map(len, buffers))
    if size != written:
        raise OSError(f"{size} of {written} bytes arrived")


def _exists(filesystem: fs.FileSystem, path: str) -> bool:
    return bool(filesystem.get_file_info(path).type != fs.FileType.NotFound)
