"""Validity and consistency checks of Parquet footers."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from petafit.table.parquet.compact_protocol import ABSENT, counted, ended
from petafit.table.parquet.footer_layout import BOUNDS, CHUNK, ELEMENT, GROUP, LAYOUT
from petafit.table.parquet.schema_tree import SchemaTree, are_paths, tree_of

_WIDTHS = np.array([1, 4, 8, 12, 4, 8, 0, 0])
"""Bytes per value: boolean, int32, int64, int96, float, double, byte array, fixed-length bytes."""
_BYTES, _FIXED = 6, 7
_CODECS, _REPETITIONS = 8, 3
_MAGIC_BYTES = 4

Rows = Callable[[str], np.ndarray]
"""The values of a field, one for each struct of a kind."""


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
