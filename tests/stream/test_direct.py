"""Direct reading: the rows of the files, all of them, once."""

import datetime
import pickle
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petafit.store.filesystem import Folder
from petafit.stream.direct import read_slice
from petafit.stream.parquet import rowgroups
from petafit.table import shards
from petafit.table.columns import STRINGS
from petafit.table.shards import Slice
from tests.kinds import VIEWS
from tests.stream.files import flip_byte, numbered, write

UTC = datetime.UTC
REUSED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def ids(rows):
    return sorted(row["id"] for row in rows)


@pytest.fixture(scope="module")
def many_groups(tmp_path_factory):
    """Files of very different sizes and row groups."""
    folder = tmp_path_factory.mktemp("many")
    write(folder / "a.parquet", numbered(0, 1000), row_group_size=37)
    write(folder / "b.parquet", numbered(1000, 1001))
    write(folder / "c.parquet", numbered(1001, 1001))
    write(folder / "d.parquet", numbered(1001, 6000), row_group_size=2000)
    write(folder / "e.parquet", numbered(6000, 6400), row_group_size=400)
    return folder


@given(st.integers(1, 60), st.integers(50, 600))
@REUSED
def test_any_number_of_shards_gives_every_row_once(many_groups, direct, rows_of, count, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SMALLEST_RANGE", 500)
        source = direct(many_groups, shards=count, batch_rows=batch)
    assert ids(rows_of(source)) == list(range(6400))


@given(st.lists(st.floats(0, 1), max_size=12), st.integers(20, 500))
@REUSED
def test_any_cut_of_a_file_gives_every_row_group_once(many_groups, cuts, batch_rows):
    path = many_groups / "a.parquet"
    size = path.stat().st_size
    bounds = sorted({0, size, *(int(cut * size) for cut in cuts)})
    seen = [
        number
        for start, stop in pairwise(bounds)
        for batch in read_slice(
            Slice(str(path), size, start, stop, 1000, {}, False),
            pa.schema({"id": pa.int64()}),
            batch_rows,
        )
        for number in batch.column("id").to_pylist()
    ]
    assert seen == list(range(1000))


@given(st.integers(0, 80), st.sampled_from([(), ("s == '3'",), ("id < 2500",)]))
@REUSED
def test_reading_goes_on_after_the_batches_already_consumed(many_groups, direct, skip, conditions):
    source = direct(many_groups, *conditions, batch_rows=150)
    assert list(source.read(0, skip=skip)) == list(source.read(0))[skip:]


def test_rows_are_those_of_the_files_with_strings_as_dictionaries(tmp_path, direct, rows_of):
    table = numbered(0, 50_000)  # outgrows a dictionary page: read as plain pages from there
    write(tmp_path / "a.parquet", table, dictionary_pagesize_limit=50_000)
    source = direct(tmp_path, batch_rows=4000)
    assert source.schema == pa.schema({"id": pa.int64(), "s": STRINGS, "unique": STRINGS})
    assert rows_of(source) == table.to_pylist()
    assert all(batch.num_rows <= 4000 for batch in source.read(0))


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY"])
def test_texts_stored_one_by_one_are_taken_over_one_by_one(tmp_path, direct, rows_of, encoding):
    texts = ["a", None, "b", "a", "", None, "a"] * 100
    table = pa.table({"id": list(range(700)), "s": texts})
    encodings = {"id": "PLAIN", "s": encoding}
    path = tmp_path / "a.parquet"
    write(path, table, use_dictionary=False, column_encoding=encodings, row_group_size=300)
    source = direct(tmp_path, batch_rows=128)
    assert rows_of(source) == table.to_pylist()
    first = next(source.read(0)).column("s")
    assert first.type == STRINGS
    assert len(first.dictionary) == len(first)
    assert first.dictionary.null_count == 0
    for condition, wanted in {
        "s == 'a'": {"a"},
        "s in ['', 'b']": {"", "b"},
        "s != 'a'": {"", "b"},
        "s is null": {None},
    }.items():
        found = rows_of(direct(tmp_path, condition, batch_rows=128))
        assert found == [row for row in table.to_pylist() if row["s"] in wanted]


@pytest.mark.parametrize("chunk_bytes", [1, 20_000, 1 << 30])
def test_batches_are_the_same_however_many_are_decoded_at_a_time(
    tmp_path, direct, monkeypatch, chunk_bytes
):
    write(tmp_path / "a.parquet", numbered(0, 2500), row_group_size=1000)
    monkeypatch.setattr(rowgroups, "_CHUNK_BYTES", chunk_bytes)
    batches = list(direct(tmp_path, batch_rows=150).read(0))
    assert [batch.num_rows for batch in batches] == ([150] * 6 + [100]) * 2 + [150] * 3 + [50]
    assert [row["id"] for batch in batches for row in batch.to_pylist()] == list(range(2500))


def test_conditions_choose_rows_and_their_columns_are_not_kept(tmp_path, direct, rows_of):
    write(tmp_path / "a.parquet", numbered(0, 500), row_group_size=100)
    source = direct(tmp_path, "id >= 90", "s in ['3', '5']", columns=["unique"], batch_rows=64)
    expected = [
        {"unique": f"value {row}"} for row in range(90, 500) if row % 7 in (3, 5) and row % 11
    ]
    assert rows_of(source) == expected
    assert rows_of(direct(tmp_path, "id < 0")) == []


def test_only_needed_columns_are_read(tmp_path, direct, rows_of):
    path = write(tmp_path / "a.parquet", numbered(0, 100), write_page_checksum=True)
    chunk = pq.read_metadata(path).row_group(0).column(2)
    flip_byte(path, chunk.dictionary_page_offset + 100)
    assert ids(rows_of(direct(tmp_path, "s is not null", columns=["id"]))) == [
        row for row in range(100) if row % 11
    ]


def test_partition_columns_are_typed_and_may_be_all_that_is_wanted(tmp_path, direct, rows_of):
    values = {"p=a%20b/m=01": ("a b", 1), "p=__HIVE_DEFAULT_PARTITION__/m=12": (None, 12)}
    for folder in values:
        write(tmp_path / folder / "f.parquet", numbered(0, 3))
    source = direct(tmp_path, columns=["m", "id", "p"], shards=2)
    assert source.schema == pa.schema({"m": pa.int32(), "id": pa.int64(), "p": STRINGS})
    found = {(row["p"], row["m"], row["id"]) for row in rows_of(source)}
    assert found == {(*value, row) for value in values.values() for row in range(3)}
    assert rows_of(direct(tmp_path, "p is null", columns=["m"])) == [{"m": 12}] * 3
    assert rows_of(direct(tmp_path, "m < 12", "id > 1", columns=["p"])) == [{"p": "a b"}]


def test_every_type_of_a_delta_partition_is_read(tmp_path, direct, rows_of):
    instant = datetime.datetime(2020, 1, 1, 1, 2, 3, tzinfo=UTC)
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "text": ["x y", None],
            "day": pa.array([datetime.date(2020, 1, 1), None]),
            "then": pa.array([instant, None], pa.timestamp("us", "UTC")),
            "naive": pa.array([instant.replace(tzinfo=None), None], pa.timestamp("us")),
            "amount": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
            "late": [True, None],
            "share": pa.array([0.5, None], pa.float32()),
        }
    )
    write_deltalake(tmp_path, table, partition_by=table.schema.names[1:])
    source = direct(tmp_path, shards=2)
    assert sorted(rows_of(source), key=lambda row: row["id"]) == table.to_pylist()
    assert ids(rows_of(direct(tmp_path, "day <= 2020-01-01", "then > 2020-01-01"))) == [1]


def test_columns_added_to_a_delta_table_are_null_in_its_older_files(tmp_path, direct, rows_of):
    write_deltalake(tmp_path, pa.table({"id": [1]}))
    write_deltalake(
        tmp_path, pa.table({"id": [2], "s": ["new"]}), mode="append", schema_mode="merge"
    )
    rows = sorted(rows_of(direct(tmp_path)), key=lambda row: row["id"])
    assert rows == [{"id": 1, "s": None}, {"id": 2, "s": "new"}]
    assert ids(rows_of(direct(tmp_path, "s is null", columns=["id"]))) == [1]
    assert ids(rows_of(direct(tmp_path, version=0))) == [1]


def test_int96_is_an_instant_in_utc_even_far_from_now(tmp_path, direct, rows_of):
    moments = [datetime.datetime(1600, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 5)]
    table = pa.table({"then": pa.array(moments, pa.timestamp("us"))})
    write(tmp_path / "a.parquet", table, use_deprecated_int96_timestamps=True)
    expected = [{"then": moment.replace(tzinfo=UTC)} for moment in moments]
    assert rows_of(direct(tmp_path)) == expected
    assert rows_of(direct(tmp_path, "then > 2000-01-01")) == expected[1:]


def test_files_may_differ_in_how_they_write_the_same_type(tmp_path, direct, rows_of):
    then = datetime.datetime(2013, 1, 1)
    variants = {
        "a": (pa.string(), pa.timestamp("us", "UTC"), {}),
        "b": (pa.large_string(), pa.timestamp("ms", "Europe/Berlin"), {}),
        "c": (VIEWS, pa.timestamp("us"), {"use_deprecated_int96_timestamps": True}),
        "d": (pa.dictionary(pa.int16(), pa.string()), pa.timestamp("us", "UTC"), {}),
    }
    for name, (text, moment, options) in variants.items():
        table = pa.table({"s": pa.array([name], text), "then": pa.array([then], moment)})
        write(tmp_path / f"{name}.parquet", table, **options)
    expected = [{"s": name, "then": then.replace(tzinfo=UTC)} for name in variants]
    assert sorted(rows_of(direct(tmp_path, shards=4)), key=str) == expected


def test_any_filesystem_of_pyarrow_will_do(direct, rows_of):
    root = Folder("mock://memory/direct")
    folder = root.child("p=a%20b")
    root.filesystem.create_dir(folder.path)
    path = folder.child("f.parquet").path
    pq.write_table(numbered(0, 300), path, filesystem=root.filesystem, row_group_size=100)
    rows = rows_of(direct(root.uri, columns=["id", "p"]))
    assert rows == [{"id": row, "p": "a b"} for row in range(300)]


def test_a_source_travels_and_is_known_by_what_it_gives(tmp_path, direct, rows_of):
    write(tmp_path / "a.parquet", numbered(0, 10))
    source = direct(tmp_path, "id > 3")
    travelled = pickle.loads(pickle.dumps(source))
    assert travelled.identity == source.identity
    assert rows_of(travelled) == rows_of(source)
    others = [
        direct(tmp_path, "id > 4"),
        direct(tmp_path, "id > 3", columns=["id"]),
        direct(tmp_path, "id > 3", batch_rows=7),
    ]
    assert len({source.identity, *(other.identity for other in others)}) == 4
    assert direct(tmp_path, "id > 3").identity == source.identity
