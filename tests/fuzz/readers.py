"""Reads files whose names come on standard input, in a process that may die of one.

The answer to each is a line: what kind of end it came to, and the digest of the rows or the error.
"""

import hashlib
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import PetafitError
from petafit.stream.batches import carried_schema
from petafit.stream.direct import read_slice
from petafit.stream.parquet import chunks, pages
from petafit.table.columns import table_schema
from petafit.table.parquet import column_chunks
from petafit.table.parquet.column_chunks import ranges_of
from petafit.table.parquet.snapshot import open_file, open_parquet
from petafit.table.shards import Slice
from tests.fuzz.sound import table, with_nested

_SOUND = set()
"""Schemas of sound files."""
ROWS, REFUSED, RAW = "rows", "refused", "raw"


def by_petafit(path, schema):
    """All rows, read from pages where there is any way; statistics are looked at, too."""
    size = path.stat().st_size
    part = Slice(str(path), size, 0, size, rows=None, partition={}, absent_is_null=False)
    types = {field.name: field.type for field in schema}
    with open_file(str(path), size=size) as file:
        for group in range(file.footer.num_row_groups):
            ranges_of(file.footer.row_group(group), types)
    with suppress(PetafitError):
        _read_as_it_is(path, part)
    wanted = carried_schema(table_schema(schema), schema.names)
    return pa.Table.from_batches(list(read_slice(part, wanted, 64)), wanted)


def _read_as_it_is(path, part):
    """Read all columns of the damaged file's own schema, if it is not the sound one."""
    found = open_parquet(str(path)).schema
    if str(found) not in _SOUND:
        for _ in read_slice(part, carried_schema(found, found.names), 1000):
            pass


def by_pyarrow(path, schema):
    """All rows, and no dictionaries: those pyarrow trusts."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        rows = file.read(schema.names, use_threads=False)
        if len(rows) != file.metadata.num_rows:
            raise pa.ArrowInvalid("other rows than the footer says")
    rows.validate()
    return rows


READERS = {"petafit": by_petafit, "pyarrow": by_pyarrow}


def digest(rows, schema):
    """The same for the same values."""
    plain = [pa.binary() if pa.types.is_string(field.type) else field.type for field in schema]
    plain = [pa.int64() if pa.types.is_timestamp(kind) else kind for kind in plain]
    columns = [
        rows.column(name).cast(field_type).cast(kind).to_pylist()
        for name, field_type, kind in zip(schema.names, schema.types, plain, strict=True)
    ]
    return hashlib.sha256(repr(columns).encode()).hexdigest()[:16]


def answer(read, path, schema):
    """The answer of a reader: rows, an error, or a crash."""
    try:
        return ROWS, digest(read(path, schema), schema)
    except PetafitError as error:
        return REFUSED, str(error)
    except Exception as error:
        expected = read is by_pyarrow
        return REFUSED if expected else RAW, f"{type(error).__name__}: {error}"


def main():
    """Serve until standard input ends."""
    warnings.simplefilter("ignore")
    read = READERS[sys.argv[1]]
    column_chunks.is_dictionary = chunks.is_dictionary = lambda _: True
    pages._WINDOW_BYTES = 500  # so that pages go beyond it
    schemas = {}
    _SOUND.update(str(table_schema(with_nested(table(nullable)).schema)) for nullable in (0, 1))
    for line in sys.stdin:
        path, like = line.rstrip("\n").split("\t")
        if like not in schemas:
            schemas[like] = pa.ipc.read_schema(pa.py_buffer(Path(like).read_bytes()))
        kind, text = answer(read, Path(path), schemas[like])
        flat = " ".join(text.split())
        print(kind, flat, sep="\t", flush=True)


if __name__ == "__main__":
    main()
