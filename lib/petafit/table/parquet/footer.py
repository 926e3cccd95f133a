"""Safe reading of Parquet footers: damage raises an error instead of aborting the process.

Many of pyarrow's metadata accessors cannot raise: an exception in the C++ library terminates the
process. So they only get footers that have passed the checks here.

References
----------
``parquet.thrift`` of the Parquet format: ``FileMetaData`` and the structs in it.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import StorageError
from petafit.table.parquet.compact_protocol import (
    ABSENT,
    BINARY,
    I32,
    I64,
    LIST,
    STRUCT,
    Field,
    counted,
    ended,
    layout_of,
    read_struct,
)
from petafit.table.parquet.schema_tree import SchemaTree, are_paths, tree_of

_TAIL_BYTES = 64 << 10
"""Bytes read at once from the file's end; few footers are longer."""
_MAGIC, _MAGIC_ENCRYPTED = b"PAR1", b"PARE"
_END_BYTES = 8
"""The footer's length, and the magic number."""
_COLUMN_BYTES = 128
"""Typical size of a column chunk in a footer; only the initial buffer size depends on it."""
_WIDTHS = np.array([1, 4, 8, 12, 4, 8, 0, 0])
"""Bytes per value: boolean, int32, int64, int96, float, double, byte array, fixed-length bytes."""
_BYTES, _FIXED = 6, 7
_CODECS, _REPETITIONS = 8, 3
_MAGIC_BYTES = 4

Rows = Callable[[str], np.ndarray]
"""The values of a field, one for each struct of a kind."""

ELEMENT, GROUP, CHUNK = "element", "group", "chunk"

_STATISTICS = {1: "max", 2: "min", 5: "max_value", 6: "min_value"}

BOUNDS = tuple(_STATISTICS.values())
"""The extreme values in a column chunk's statistics, as bytes."""

LISTS = ("path", "list_levels", "null_levels")
"""The path of a column, and the histograms of its repetition and definition levels."""

LAYOUT = layout_of(
    {
        "file": {
            1: Field(I32, required=True),
            2: Field(LIST, of=ELEMENT, required=True),
            3: Field(I64, "rows", required=True),
            4: Field(LIST, of=GROUP, required=True),
            8: Field(STRUCT, "encryption"),
        },
        ELEMENT: {
            1: Field(I32, "type"),
            2: Field(I32, "type_length"),
            3: Field(I32, "repetition"),
            4: Field(BINARY, "name", required=True),
            5: Field(I32, "children"),
        },
        GROUP: {
            1: Field(LIST, of=CHUNK, required=True),
            2: Field(I64, "bytes", required=True),
            3: Field(I64, "rows", required=True),
        },
        CHUNK: {
            2: Field(I64, required=True),
            3: Field(STRUCT, of="column"),
            8: Field(STRUCT, "encryption"),
            9: Field(BINARY),
        },
        "column": {
            1: Field(I32, "type", required=True),
            2: Field(LIST, elements=I32, required=True),
            3: Field(LIST, "path", elements=BINARY, required=True),
            4: Field(I32, "codec", required=True),
            5: Field(I64, "values", required=True),
            6: Field(I64, "plain_bytes", required=True),
            7: Field(I64, "bytes", required=True),
            9: Field(I64, "data_at", required=True),
            11: Field(I64, "dictionary_at"),
            12: Field(STRUCT, of="statistics"),
            16: Field(STRUCT, of="sizes"),
        },
        "statistics": {number: Field(BINARY, name) for number, name in _STATISTICS.items()},
        "sizes": {
            1: Field(I64, "text_bytes"),
            2: Field(LIST, "list_levels", elements=I64),
            3: Field(LIST, "null_levels", elements=I64),
        },
    },
    rows=("file", ELEMENT, GROUP, CHUNK),
    slots=(
        *("rows", "bytes", "encryption", "type", "type_length", "repetition", "children"),
        *("codec", "values", "plain_bytes", "data_at", "dictionary_at", "text_bytes"),
        *(slot for name in ("name", *BOUNDS) for slot in (name, ended(name))),
        *(slot for name in LISTS for slot in (name, ended(name), counted(name))),
    ),
)
"""Layout of a ``file``, its schema's ``element``s, row ``group``s, and their column ``chunk``s."""


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


def check_footer_rows(footer: bytes, found: np.ndarray, before: int) -> None:
    """Raise if a footer has invalid content that pyarrow would trust.

    Parameters
    ----------
    footer : bytes
    found : ndarray of int64
        Its structs, read by `read_struct` with `LAYOUT`.
    before : int
        Number of bytes of the file that precede the footer.

    Raises
    ------
    pyarrow.ArrowInvalid
    """
    kinds = found[:, 0]
    is_group, is_chunk = kinds == LAYOUT.structs[GROUP], kinds == LAYOUT.structs[CHUNK]
    schema = _rows(found[kinds == LAYOUT.structs[ELEMENT]])
    groups, chunks = _rows(found[is_group]), _rows(found[is_chunk])
    tree = _tree(footer, schema)
    group_of = np.cumsum(is_group)[is_chunk] - 1
    _check_groups(int(found[0, LAYOUT.slots["rows"]]), groups, group_of, len(tree.leaves))
    element_of = np.tile(tree.leaves, len(groups("rows")))
    rows = groups("rows")[group_of]
    _check_columns(footer, chunks, schema, tree, element_of)
    is_flat = tree.list_levels[element_of] == 0
    _demand(
        np.where(is_flat, chunks("values") == rows, chunks("values") >= 0),
        "with a column of other rows than its row group",
    )
    _check_places(chunks, rows, before)
    _check_levels(chunks, tree, element_of)
    _check_bounds(chunks, schema("type")[element_of], schema("type_length")[element_of])


def _rows(found: np.ndarray) -> Rows:
    return lambda name: found[:, LAYOUT.slots[name]]


def _demand(holds: np.ndarray, what: str) -> None:
    if not holds.all():
        raise pa.ArrowInvalid(f"a footer {what}")


def _tree(footer: bytes, schema: Rows) -> SchemaTree:
    tree = tree_of(schema("children"), schema("type"), schema("repetition"))
    if tree is None:
        raise pa.ArrowInvalid("a footer whose schema is no tree")
    known = (schema("repetition") >= 0) & (schema("repetition") < _REPETITIONS)
    _demand(known | (schema("repetition") == ABSENT), "with a column of an unknown repetition")
    kind, length = schema("type")[tree.leaves], schema("type_length")[tree.leaves]
    _demand((kind >= 0) & (kind < len(_WIDTHS)), "with a column of an unknown type")
    _demand((kind != _FIXED) | (length > 0), "with a column whose values have no length")
    for start, stop in zip(schema("name").tolist(), schema(ended("name")).tolist(), strict=True):
        try:
            footer[start:stop].decode()
        except UnicodeDecodeError:
            raise pa.ArrowInvalid("a footer with a name that is not UTF-8") from None
    return tree


def _check_groups(rows: int, groups: Rows, group_of: np.ndarray, n_leaves: int) -> None:
    counts = np.bincount(group_of, minlength=len(groups("rows")))
    _demand(counts == n_leaves, f"whose row groups do not have {n_leaves} columns each")
    _demand((groups("rows") >= 0) & (groups("bytes") >= 0), "with a row group of negative size")
    if sum(groups("rows").tolist()) != rows:
        raise pa.ArrowInvalid(f"a footer whose row groups do not have {rows} rows")


def _check_columns(
    footer: bytes, chunks: Rows, schema: Rows, tree: SchemaTree, element_of: np.ndarray
) -> None:
    """Check that the columns of each row group are those of the schema."""
    _demand(chunks("type") == schema("type")[element_of], "with a column of another type")
    _demand((chunks("codec") >= 0) & (chunks("codec") < _CODECS), "with an unknown compression")
    names = np.column_stack([schema("name"), schema(ended("name"))])
    paths = np.column_stack([chunks("path"), chunks(ended("path"))])
    content = np.frombuffer(footer, np.uint8)
    if not are_paths(content, names, tree.parents, element_of, paths):
        raise pa.ArrowInvalid("a footer with a column of another name")


def _check_places(chunks: Rows, rows: np.ndarray, before: int) -> None:
    """Check that column chunks with rows lie before the footer and do not overlap."""
    _demand(chunks("plain_bytes") >= 0, "with a column of negative size")
    _demand((chunks("bytes") >= 0) & (chunks("bytes") <= before), "with a column beyond the file")
    data, dictionary, size = (
        chunks(name)[rows > 0] for name in ("data_at", "dictionary_at", "bytes")
    )
    start = np.where((dictionary > 0) & (dictionary < data), dictionary, data)
    _demand((start >= _MAGIC_BYTES) & (size > 0), "with a column that is nowhere")
    _demand(start <= before - size, "with a column beyond the file")
    order = np.argsort(start, kind="stable")
    _demand((start + size)[order][:-1] <= start[order][1:], "whose columns overlap")


def _check_levels(chunks: Rows, tree: SchemaTree, element_of: np.ndarray) -> None:
    """Check that level histograms, if present, have an entry for each level."""
    for name, levels in (("list_levels", tree.list_levels), ("null_levels", tree.null_levels)):
        count = chunks(counted(name))
        holds = (count == ABSENT) | (count == 0) | (count == levels[element_of] + 1)
        _demand(holds, "that counts levels that are not there")
    holds = (chunks("text_bytes") == ABSENT) | (chunks("type") == _BYTES)
    _demand(holds, "with bytes of texts but no text column")


def _check_bounds(chunks: Rows, kinds: np.ndarray, lengths: np.ndarray) -> None:
    """Check that extreme values, if present, have the length of their type."""
    width = np.where(kinds == _FIXED, lengths, _WIDTHS[kinds])
    for name in BOUNDS:
        start = chunks(name)
        length = chunks(ended(name)) - start
        _demand((start == ABSENT) | (length >= width), f"with a {name} cut short")
