"""Decompression of a Parquet page to exactly the number of bytes in its header.

pyarrow's codecs do not return the number of bytes they have written; the rest of their buffer is
uninitialised. So the length is checked before or during decompression.

References
----------
RFC 8878, "Zstandard Compression", 3.1.1.1: the header of a frame. ``format_description.txt`` of
snappy.
"""

import zlib

import numpy as np
import pyarrow as pa

CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"}
"""Supported compression codecs."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""Window bits that accept either header."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def decompress_into(out: np.ndarray, stored: memoryview, codec: str) -> None:
    """Decompress bytes into an array.

    Parameters
    ----------
    out : ndarray of uint8
    codec : str
        One of `CODECS`.

    Raises
    ------
    pyarrow.ArrowInvalid, OSError
        The bytes are damaged, or have another length when decompressed.
    """
    content: bytes | memoryview = stored
    if codec == "GZIP" and stored:
        content = _inflated(stored, out.size)
    elif codec == "SNAPPY" and stored:
        _demand(_snappy_size(stored), out.size)
        content = pa.Codec("snappy").decompress(stored, out.size)
    elif codec == "ZSTD" and stored:
        size = _zstd_size(stored)
        if size is None:
            with pa.CompressedInputStream(pa.BufferReader(stored), "zstd") as stream:
                content = stream.read(out.size + 1)
        else:
            _demand(size, out.size)
            content = pa.Codec("zstd").decompress(stored, out.size)
    _demand(len(content), out.size)
    out[:] = memoryview(content)


def _demand(size: int, wanted: int) -> None:
    if size != wanted:
        raise pa.ArrowInvalid(f"a page of {size} bytes instead of {wanted}")


def _inflated(stored: memoryview, size: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        content = inflater.decompress(stored, size + 1)
    except zlib.error as error:
        raise pa.ArrowInvalid(f"a page that is damaged: {error}") from error
    if not inflater.eof:
        raise pa.ArrowInvalid(f"a page of other than {size} bytes")
    return content


def _snappy_size(stored: memoryview) -> int:
    """Read the uncompressed size from a snappy block: seven bits a byte, the lowest first."""
    size = shift = 0
    for byte in stored[:5]:
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return size


def _zstd_size(stored: memoryview) -> int | None:
    """Read the uncompressed size from a zstd frame; None if it is not recorded."""
    if stored[:4] != _ZSTD_MAGIC or len(stored) < 6:
        return None
    flags = stored[4]
    is_single = bool(flags & 32)
    width = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    start = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3]
    if not width or len(stored) < start + width:
        return None
    size = int.from_bytes(stored[start : start + width], "little")
    return size + 256 if width == 2 else size
