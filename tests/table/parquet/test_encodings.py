"""Which columns a file stores as dictionaries, for all the ways in which writers store texts."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.table.parquet.encodings import stored_as_dictionaries

ROWS = 20_000
TABLE = pa.table(
    {
        "one": ["always"] * ROWS,
        "few": [f"value {row % 50}" for row in range(ROWS)],
        "sorted": [f"value {row // 100}" for row in range(ROWS)],
        "half null": [None if row % 2 else f"{row % 900}" for row in range(ROWS)],
        "null": pa.nulls(ROWS, pa.string()),
        "unique": [f"user {row:08d}" for row in range(ROWS)],
        "mostly unique": [f"{row * 7919:x}" if row % 3 else None for row in range(ROWS)],
    }
)
UNIQUE = ["unique", "mostly unique"]
REPEATED = [name for name in TABLE.column_names if name not in UNIQUE]


def stored(path, table=TABLE, **options):
    pq.write_table(table, path, **options)
    return stored_as_dictionaries(pq.read_metadata(path), table.column_names)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("version", ["1.0", "2.6"])
@pytest.mark.parametrize("page", ["1.0", "2.0"])
def test_a_dictionary_that_overflowed_is_none(tmp_path, compression, version, page):
    options = {"compression": compression, "version": version, "data_page_version": page}
    options["dictionary_pagesize_limit"] = 20_000
    assert stored(tmp_path / "a.parquet", **options) == REPEATED


def test_dictionaries_of_many_values_are_dictionaries(tmp_path):
    many = pa.table({"many": [f"{row * 7919 % 3001:x}" for row in range(ROWS)]})
    assert stored(tmp_path / "a.parquet", many) == ["many"]


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_other_encodings_are_no_dictionaries(tmp_path, encoding):
    encodings = {name: encoding for name in TABLE.column_names if name != "few"}
    options = {"use_dictionary": ["few"], "column_encoding": encodings}
    assert stored(tmp_path / "a.parquet", **options) == ["few"]


def test_a_file_without_row_groups_says_nothing_against_dictionaries(tmp_path):
    path = tmp_path / "a.parquet"
    pq.ParquetWriter(path, TABLE.schema).close()
    names = TABLE.column_names
    assert stored_as_dictionaries(pq.read_metadata(path), names) == names
