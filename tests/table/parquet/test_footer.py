"""Footers that pyarrow must not see, and those it may, whatever they hold."""

import base64
import copy
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from deltalake import write_deltalake

from petafit.errors import StorageError
from petafit.table.parquet.footer import read_footer
from petafit.table.parquet.snapshot import open_file
from tests.fuzz import thrift
from tests.fuzz.sound import chunks
from tests.stream.files import numbered, write

DATA_AT, SIZE, PLAIN_SIZE, VALUES, DICTIONARY_AT = 9, 7, 6, 5, 11
ROWS = 3


def changed(path, change):
    """The file, its footer changed."""
    raw = path.read_bytes()
    start = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    footer, _ = thrift.parse(raw, start)
    change(footer)
    new = thrift.dump(footer)
    path.write_bytes(raw[:start] + new + len(new).to_bytes(4, "little") + b"PAR1")


def opened(path):
    with open_file(str(path), size=path.stat().st_size) as file:
        return file.footer


def column(footer, number=0):
    return list(chunks(footer))[number]


def group(footer, number=0):
    return thrift.find(footer, 4).content[number]


def put(struct, *numbers, content):
    thrift.find(struct, *numbers).content = content


def without(struct, number):
    struct.content = [field for field in struct.content if field[0] != number]


def nested(footer, depth=200):
    """A schema of groups in groups."""
    elements = thrift.find(footer, 2)
    root, *leaves = elements.content
    shell = copy.deepcopy(root)
    put(shell, 5, content=1)
    elements.content = [shell] * depth + [root, *leaves]


DAMAGE = {
    "beyond the file": lambda f: (
        put(column(f), DICTIONARY_AT, content=10**9) or put(column(f), DATA_AT, content=10**9)
    ),
    "beyond the file, as the sum overflows": lambda f: put(column(f), SIZE, content=2**63 - 1),
    "columns overlap": lambda f: put(
        column(f, 1), SIZE, content=thrift.find(column(f, 1), SIZE).content + 1
    ),
    "column that is nowhere": lambda f: put(column(f), SIZE, content=0),
    "column beyond the file": lambda f: put(column(f), SIZE, content=-1),
    "negative size": lambda f: put(column(f), PLAIN_SIZE, content=-1),
    "other rows than its row group": lambda f: put(column(f), VALUES, content=49),
    "do not have 101 rows": lambda f: put(f, ROWS, content=101),
    "row group of negative size": lambda f: put(group(f), 2, content=-1),
    "do not have 3 columns": lambda f: group(f).content[0][1].content.pop(),
    "column of another name": lambda f: put(
        column(f), 3, content=thrift.find(column(f, 1), 3).content
    ),
    "column of another type": lambda f: put(column(f), 1, content=1),
    "unknown compression": lambda f: put(column(f), 4, content=9),
    "unknown type": lambda f: put(thrift.find(f, 2).content[1], 1, content=8),
    "unknown repetition": lambda f: put(thrift.find(f, 2).content[1], 3, content=3),
    "not UTF-8": lambda f: put(thrift.find(f, 2).content[1], 4, content=b"\xff"),
    "schema is no tree": lambda f: put(thrift.find(f, 2).content[0], 5, content=2),
    "schema is no tree, too deep": nested,
    "min_value cut short": lambda f: put(column(f), 12, 6, content=b"\0\0\0"),
    "max cut short": lambda f: put(column(f), 12, 1, content=b""),
    "counts levels": lambda f: put(column(f), 16, 3, content=[thrift.Value(thrift.I64, 1)] * 3),
    "bytes of texts": lambda f: (
        column(f).content[-1][1].content.insert(0, (1, thrift.Value(thrift.I64, 5)))
    ),
    "damaged": lambda f: without(f, ROWS),
    "damaged, a chunk without a place": lambda f: without(column(f), DATA_AT),
    "damaged, another kind of field": lambda f: (
        put(f, ROWS, content=5) or setattr(thrift.find(f, ROWS), "kind", thrift.I32)
    ),
    "damaged, a field twice": lambda f: f.content.append(f.content[0]),
}

if not hasattr(pa, "json_"):  # pyarrow 18 writes no size statistics
    del DAMAGE["counts levels"], DAMAGE["bytes of texts"]


@pytest.mark.parametrize("what", DAMAGE)
def test_a_footer_that_cannot_be_is_refused(tmp_path, what):
    path = write(tmp_path / "a.parquet", numbered(0, 100), row_group_size=50)
    changed(path, lambda footer: None)
    assert opened(path).num_rows == 100
    changed(path, DAMAGE[what])
    with pytest.raises(StorageError, match=rf"a\.parquet cannot be read.*{what.split(',')[0]}"):
        opened(path)


@pytest.mark.parametrize(
    "raw",
    [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 4 + b"PAR1", b"PAR1" + b"\0" * 6 + b"PAR1"],
)
def test_what_is_no_parquet_file_is_refused(tmp_path, raw):
    path = tmp_path / "a.parquet"
    path.write_bytes(raw)
    with pytest.raises(StorageError, match=r"a\.parquet cannot be read"):
        opened(path)


class Kms(pe.KmsClient):
    """Keys that wrap to themselves."""

    def __init__(self, config):
        super().__init__()

    def wrap_key(self, key, master):
        return base64.b64encode(key)

    def unwrap_key(self, key, master):
        return base64.b64decode(key)


@pytest.mark.parametrize("plaintext_footer", [False, True])
@pytest.mark.parametrize("column_keys", [{"column": ["s"]}, {"column": ["id", "s", "unique"]}])
def test_an_encrypted_file_is_called_so(tmp_path, plaintext_footer, column_keys):
    """pyarrow aborts the process when it is asked for such a column."""
    properties = pe.CryptoFactory(lambda config: Kms(config)).file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            footer_key="footer", column_keys=column_keys, plaintext_footer=plaintext_footer
        ),
    )
    path = tmp_path / "a.parquet"
    pq.write_table(numbered(0, 100), path, encryption_properties=properties)
    with pytest.raises(StorageError, match=r"a\.parquet is encrypted, and petafit has no keys"):
        opened(path)


def test_columns_in_columns_and_footers_of_any_length_are_taken(tmp_path):
    table = pa.table(
        {
            "lists": [[[1, None], []], None],
            "structs": [{"x": 1, "y": {"z": ["a", None]}}] * 2,
            "maps": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            "fixed": pa.array([b"abc", None], pa.binary(3)),
            "decimal": pa.array([1, None]).cast(pa.decimal128(30, 2)),
            "bool": [True, None],
            "null": pa.nulls(2),
            **{f"column {number}": [number, None] for number in range(1000)},
        }
    )
    path = write(tmp_path / "a.parquet", table, row_group_size=1)
    assert path.stat().st_size > 1 << 17
    assert opened(path).num_row_groups == 2


@pytest.mark.parametrize("rows", [[], [0], [2, 0, 3]])
def test_row_groups_without_rows_are_taken(tmp_path, rows):
    path = tmp_path / "a.parquet"
    schema = numbered(0, 5).schema
    with pq.ParquetWriter(path, schema) as writer:
        for count in rows:
            writer.write_table(numbered(0, count).cast(schema))
    assert opened(path).num_rows == sum(rows)


def test_footers_of_delta_rs_are_taken(tmp_path):
    write_deltalake(tmp_path, numbered(0, 100))
    (path,) = tmp_path.glob("*.parquet")
    assert opened(path).num_rows == 100


def test_a_column_without_a_name_or_of_an_odd_one_is_taken():
    out = io.BytesIO()
    pq.write_table(pa.table({"": [1], "a.b": [2], "ä\n": [3]}), out)
    assert read_footer(pa.BufferReader(out.getvalue()), "a").num_columns == 3
