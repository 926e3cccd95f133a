"""Uncompressed ``.npz`` archives, written without copying arrays and read without trusting them.

An archive that is read may be damaged or malicious. No more is allocated than the file itself
holds: members are not compressed, and an array's header is compared with the bytes after it before
the array is created. An array uses the buffer of its member: a second copy of large weights would
double the memory of loading a model.
"""

import io
import math
import zipfile
from collections.abc import Mapping
from typing import IO, cast

import numpy as np

from petafit.errors import StorageError
from petafit.store.disk import Buffers

_FORMAT = np.lib.format
_VERSION = (1, 0)
_LONGEST_HEADER = 10 + 2**16
_READ_AT_ONCE = 2**20


def write_members(arrays: Mapping[str, np.ndarray]) -> Buffers:
    """Return an archive of arrays, in their order, whose large values are not copied.

    Raises
    ------
    StorageError
        An array is of dtype object.
    """
    sink = BufferFile()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w") as archive:
        for name, array in arrays.items():
            _write_member(archive, name, array)
    return sink.buffers


def read_members(content: bytes) -> dict[str, np.ndarray]:
    """Return all arrays, by name.

    Raises
    ------
    ValueError
        A member is compressed or duplicated, or its size does not match its header.
    zipfile.BadZipFile and others
        The archive is damaged.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        _check_sizes(members, len(content))
        return {
            member.filename.removesuffix(".npy"): _array(member, _read(archive, member))
            for member in members
        }


def _check_sizes(members: list[zipfile.ZipInfo], total: int) -> None:
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two arrays of one name")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise ValueError(f"{member.filename} is compressed, as petafit's arrays never are")
    if sum(member.file_size for member in members) > total:
        raise ValueError("arrays that lie one over the other")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytearray:
    """Read all of a member, whose checksum is verified with its last byte."""
    content = bytearray(member.file_size)
    rest = memoryview(content)
    with cast(io.BufferedIOBase, archive.open(member)) as stream:
        while count := stream.readinto(rest[:_READ_AT_ONCE]):
            rest = rest[count:]
    if rest:
        raise ValueError(f"{member.filename} ends early")
    return content


def _array(member: zipfile.ZipInfo, content: bytearray) -> np.ndarray:
    stream = io.BytesIO(content[:_LONGEST_HEADER])
    if _FORMAT.read_magic(stream) != _VERSION:
        raise ValueError(f"{member.filename} is of another version of numpy's format")
    shape, is_fortran, dtype = _FORMAT.read_array_header_1_0(stream)
    if dtype.hasobject or dtype.fields or dtype.subdtype:
        raise ValueError(f"{member.filename} holds no plain values, but {dtype}")
    if min(shape, default=0) < 0 or (not dtype.itemsize and math.prod(shape) > 1):
        raise ValueError(f"{member.filename} has the shape {shape}")
    said, found = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if said != found:
        raise ValueError(f"{member.filename} declares {said} bytes, {dtype} {shape}, has {found}")
    if not said:
        return np.empty(shape, dtype, order="F" if is_fortran else "C")
    values = np.frombuffer(content, dtype, offset=stream.tell())
    return values.reshape(shape, order="F" if is_fortran else "C")


class BufferFile:
    """A writable file that keeps references to the buffers written to it, without copying them.

    After seeking back, a buffer can be replaced by one of the same length.
    """

    def __init__(self) -> None:
        self._buffers: dict[int, memoryview] = {}
        self._at = 0

    @property
    def buffers(self) -> Buffers:
        """Return all buffers written, in order."""
        return [self._buffers[start] for start in sorted(self._buffers)]

    def write(self, buffer: bytes | memoryview) -> int:
        """Put a buffer at the current position."""
        self._buffers[self._at] = memoryview(buffer)
        self._at += len(buffer)
        return len(buffer)

    def tell(self) -> int:
        """Return the current position."""
        return self._at

    def seek(self, offset: int) -> int:
        """Move to the start of a buffer, or to the end."""
        self._at = offset
        return offset

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


class _Member(zipfile.ZipInfo):
    """A member with sizes of 64 bits, without a timestamp and attributes of this machine.

    Before 3.11.4, Python's own header repeats the sizes in 32 bits (gh-103861).
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}.npy")
        self.create_system = 3
        self.create_version = self.extract_version = zipfile.ZIP64_VERSION

    def FileHeader(self, zip64: bool | None = None) -> bytes:  # noqa: N802, zipfile's own name
        header = super().FileHeader(zip64)
        return header[:18] + b"\xff" * 8 + header[26:]


def _write_member(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    member = _Member(name)
    if array.dtype.hasobject:
        raise StorageError(f"Array {name!r} cannot be stored", got="an array of Python objects")
    header = np.lib.format.header_data_from_array_1_0(array)
    values = array.T if header["fortran_order"] else np.ascontiguousarray(array)
    with archive.open(member, "w", force_zip64=True) as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(values.reshape(-1).view(np.uint8).data)
