"""Reading of ``.npz`` arrays that may be damaged or malicious.

No more is allocated than the file itself holds: members are not compressed, and an array's header
is compared with the bytes after it before the array is created. An array uses the buffer of its
member: a second copy of large weights would double the memory of loading a model.
"""

import io
import math
import zipfile
from typing import cast

import numpy as np

_FORMAT = np.lib.format
_VERSION = (1, 0)
_LONGEST_HEADER = 10 + 2**16
_PIECE = 2**20


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
        while count := stream.readinto(rest[:_PIECE]):
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
