"""Columns that are the index of a pandas frame: row numbers mostly, and no part of its data."""

import re

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import StorageError
from petafit.store.plain import from_json
from petafit.table.parquet.snapshot import open_file
from petafit.table.snapshot import DataFile, Snapshot, spread

_UNNAMED = re.compile(r"__index_level_\d+__|Unnamed: 0(\.\d+)?")
_LOOKS = 8


def index_columns(snapshot: Snapshot) -> frozenset[str]:
    """The columns of a table that pandas saved as the index of what it wrote.

    The footers of some files from all over the table tell them. Those that pandas had to name are
    known by that name, too, whoever wrote the table since.
    """
    named = {*unnamed_index(snapshot.schema)}
    if snapshot.scan_reason is None:
        for file in spread(snapshot.files, _LOOKS):
            named |= _told(file)
    return frozenset(named & {*snapshot.schema.names})


def unnamed_index(schema: pa.Schema) -> frozenset[str]:
    """The columns whose names pandas made: ``__index_level_0__``, or ``Unnamed: 0`` through CSV.

    Examples
    --------
    >>> unnamed_index(pa.schema({"Unnamed: 0": pa.int64(), "id": pa.int64()}))
    frozenset({'Unnamed: 0'})
    """
    return frozenset(
        field.name
        for field in schema
        if _UNNAMED.fullmatch(field.name)
        and (field.name.startswith("_") or pa.types.is_integer(field.type))
    )


def index_of(footer: pq.FileMetaData) -> set[str]:
    """The index columns by a footer of pandas; a range is no column, and other writers say none."""
    try:
        told = from_json((footer.metadata or {}).get(b"pandas", b"{}"))
        return {name for name in told["index_columns"] if isinstance(name, str)}
    except (ValueError, KeyError, TypeError):
        return set()


def _told(file: DataFile) -> set[str]:
    try:
        with open_file(file.path, size=file.size) as opened:
            return index_of(opened.footer)
    except StorageError:
        return set()  # whoever reads the file's rows says what is wrong with it
