"""Parquet files as tests write and spoil them."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable


def numbered(start, stop):
    """Rows with a number of their own, and a string column whose dictionary outgrows its page."""
    rows = list(range(start, stop))
    return pa.table(
        {
            "id": pa.array(rows, pa.int64()),
            "s": [f"{row % 7}" if row % 11 else None for row in rows],
            "unique": [f"value {row}" for row in rows],
        }
    )


def write(path, table, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def flip_byte(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)


def as_delta(folder, schema):
    """A Delta table of the folder's files, of which its log promises this schema."""
    DeltaTable.create(folder, schema)
    adds = [
        {
            "path": path.name,
            "size": path.stat().st_size,
            "partitionValues": {},
            "modificationTime": 0,
            "dataChange": True,
        }
        for path in sorted(folder.glob("*.parquet"))
    ]
    entry = "\n".join(json.dumps({"add": add}) for add in adds)
    (folder / "_delta_log" / f"{1:020}.json").write_text(entry)
    return folder
