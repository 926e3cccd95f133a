"""Safe reading of Parquet footers: damage raises an error instead of aborting the process.

Many of pyarrow's metadata accessors cannot raise: an exception in the C++ library terminates the
process. So they only get footers that have passed the checks here.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import StorageError
from petafit.table.parquet.compact_protocol import read_struct
from petafit.table.parquet.footer_checks import LAYOUT, check_footer_rows

_TAIL_BYTES = 64 << 10
"""Bytes read at once from the file's end; few footers are longer."""
_MAGIC, _MAGIC_ENCRYPTED = b"PAR1", b"PARE"
_END_BYTES = 8
"""The footer's length, and the magic number."""
_COLUMN_BYTES = 128
"""Typical size of a column chunk in a footer; only the initial buffer size depends on it."""


def read_footer(stream: pa.NativeFile, path: str) -> pq.FileMetaData:
    """Read the metadata of a Parquet file.

    Raises
    ------
    StorageError
        The file is encrypted.
    pyarrow.ArrowInvalid
        There is no footer, or an invalid one.
    """
    size = stream.size()
    tail = stream.read_at(min(size, _TAIL_BYTES), max(size - _TAIL_BYTES, 0))
    magic = tail[-4:]
    if magic not in (_MAGIC, _MAGIC_ENCRYPTED):
        raise pa.ArrowInvalid("no Parquet magic bytes at its end")
    length = int.from_bytes(tail[-_END_BYTES:-4], "little") + _END_BYTES
    if magic == _MAGIC_ENCRYPTED:
        raise _encrypted(path)
    if length > size - len(_MAGIC):
        raise pa.ArrowInvalid(f"a footer of {length} bytes in a file of {size}")
    footer = tail[-length:] if length <= len(tail) else stream.read_at(length, size - length)
    _check(footer[:-_END_BYTES], before=size - length, path=path)
    return pq.read_metadata(pa.BufferReader(footer))


def _check(footer: bytes, *, before: int, path: str) -> None:
    room = np.empty((len(footer) // _COLUMN_BYTES + 16, len(LAYOUT.slots)), np.int64)
    length, n_rows, found = read_struct(np.frombuffer(footer, np.uint8), LAYOUT.table, room)
    if length <= 0:
        raise pa.ArrowInvalid("a footer that is damaged")
    found = found[:n_rows]
    encryption = found[:, LAYOUT.slots["encryption"]]
    if (encryption == 1).any():
        raise _encrypted(path)
    check_footer_rows(footer, found, before)


def _encrypted(path: str) -> StorageError:
    return StorageError(
        f"{path} is encrypted, and petafit has no keys",
        hint="Write the table without encryption, or decrypted copies of its files.",
    )
