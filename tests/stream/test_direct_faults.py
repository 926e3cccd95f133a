"""Direct reading of files that are not as the table promises: each is named."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from petafit.errors import ContractError, StorageError
from petafit.store.requirements import fits
from tests.stream.files import flip_byte, numbered, write


@pytest.mark.parametrize("column", [["id"], ["s"]])
def test_another_type_in_a_later_file_is_named_with_both(tmp_path, direct, rows_of, column):
    write(tmp_path / "a.parquet", pa.table({"id": pa.array([1], pa.int32()), "s": ["x"]}))
    write(tmp_path / "b.parquet", pa.table({"id": pa.array([1], pa.int64()), "s": ["x"]}))
    source = direct(tmp_path, "id > 0", columns=column)
    with pytest.raises(ContractError, match=r"'id' of .*b\.parquet.*int32.*int64"):
        rows_of(source)
    assert rows_of(direct(tmp_path, columns=["s"])) == [{"s": "x"}] * 2


def test_a_column_that_a_later_file_lacks_is_named(tmp_path, direct, rows_of):
    write(tmp_path / "a.parquet", pa.table({"id": [1], "origin": ["JFK"]}))
    write(tmp_path / "b.parquet", pa.table({"id": [1], "origins": ["JFK"]}))
    with pytest.raises(
        ContractError, match=r"'origin' of .*b\.parquet.*string.*no such.*'origins'"
    ):
        rows_of(direct(tmp_path))


def test_a_time_that_does_not_fit_the_tables_unit_is_not_rounded(tmp_path, direct, rows_of):
    for name, unit, value in [("a", "us", 5), ("b", "ns", 5000), ("c", "ns", 5001)]:
        table = pa.table({"then": pa.array([value], pa.timestamp(unit, "UTC"))})
        write(tmp_path / f"{name}.parquet", table)
    source = direct(tmp_path, shards=3)
    assert [next(source.read(shard)).num_rows for shard in (0, 1)] == [1, 1]
    with pytest.raises(ContractError, match=r"c\.parquet.*lose data"):
        list(source.read(2))


def test_a_file_that_was_truncated_is_named(tmp_path, direct, rows_of):
    write(tmp_path / "a.parquet", numbered(0, 100))
    path = write(tmp_path / "b.parquet", numbered(100, 200))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StorageError, match=r"b\.parquet cannot be read"):
        rows_of(direct(tmp_path))


def test_null_lists_of_a_fixed_size_are_read_or_need_a_newer_pyarrow(tmp_path, direct, rows_of):
    pairs = pa.array([[1, 2], None], pa.list_(pa.int8(), 2))
    write(tmp_path / "a.parquet", pa.table({"pair": pairs, "id": [0, 1]}))
    if fits(pa.__version__, ">=26"):
        assert [row["pair"] for row in rows_of(direct(tmp_path))] == [[1, 2], None]
        return
    with pytest.raises(StorageError, match=r"a\.parquet cannot.* need pyarrow 26: install it"):
        rows_of(direct(tmp_path))
    assert len(rows_of(direct(tmp_path, columns=["id"]))) == 2


def test_a_file_that_changed_after_the_plan_is_named(tmp_path, direct, rows_of):
    path = write(tmp_path / "a.parquet", numbered(0, 100))
    source = direct(tmp_path)
    write(path, numbered(0, 200))
    with pytest.raises(StorageError, match=r"a\.parquet changed"):
        rows_of(source)
    path.unlink()
    with pytest.raises(StorageError, match=r"a\.parquet cannot be read"):
        rows_of(source)


def test_a_damaged_page_is_found_by_its_checksum(tmp_path, direct, rows_of):
    path = write(
        tmp_path / "a.parquet", numbered(0, 1000), write_page_checksum=True, compression="none"
    )
    chunk = pq.read_metadata(path).row_group(0).column(2)
    flip_byte(path, chunk.dictionary_page_offset + 500)
    with pytest.raises(StorageError, match=r"a\.parquet cannot be read.*checksum"):
        rows_of(direct(tmp_path))


def test_of_pages_without_checksums_no_damage_gets_past_the_codes(tmp_path, direct):
    path = write(tmp_path / "a.parquet", numbered(0, 300), row_group_size=100)
    sound, source, dice = path.read_bytes(), direct(tmp_path), random.Random(0)
    refused = 0
    for _ in range(200):
        path.write_bytes(sound)
        flip_byte(path, dice.randrange(4, len(sound) // 2))
        try:
            for batch in source.read(0):
                for column in (batch.column("s"), batch.column("unique")):
                    codes = [code for code in column.indices.to_pylist() if code is not None]
                    assert all(0 <= code < len(column.dictionary) for code in codes)
        except StorageError as error:
            refused += str(path) in str(error)
    assert refused > 20


def test_the_rows_of_a_delta_file_are_those_its_log_promises(tmp_path, direct, rows_of):
    write_deltalake(tmp_path, numbered(0, 100))
    log = next((tmp_path / "_delta_log").glob("*.json"))
    log.write_text(log.read_text().replace('numRecords\\":100', 'numRecords\\":101'))
    with pytest.raises(StorageError, match=r"\.parquet does not hold .*101 rows.*100 rows"):
        rows_of(direct(tmp_path))
