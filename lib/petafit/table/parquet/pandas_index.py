"""Index columns of pandas frames: mostly row numbers, which are not data."""

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
    """Return the columns of a table that pandas saved as a frame's index.

    They are read from the footers of some files spread over the table. Columns that pandas named
    are recognised by that name, too, whichever program rewrote the table.
    """
    named = {*unnamed_index(snapshot.schema)}
    if snapshot.scan_reason is None:
        for file in spread(snapshot.files, _LOOKS):
            named |= _recorded(file)
    return frozenset(named & {*snapshot.schema.names})


def unnamed_index(schema: pa.Schema) -> frozenset[str]:
    """Return the columns named by pandas: ``__index_level_0__``, or ``Unnamed: 0`` through CSV.

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
    """Return the index columns in pandas' metadata; a range is not a column."""
    try:
        metadata = from_json((footer.metadata or {}).get(b"pandas", b"{}"))
        return {name for name in metadata["index_columns"] if isinstance(name, str)}
    except (ValueError, KeyError, TypeError):
        return set()


def _recorded(file: DataFile) -> set[str]:
    try:
        with open_file(file.path, size=file.size) as opened:
            return index_of(opened.footer)
    except StorageError:
        return set()  # the reader of the file's rows reports what is wrong with it
