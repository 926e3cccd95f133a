"""Files that spell their columns in another letter case than the table."""

import pyarrow as pa
import pytest

from petafit.config.settings import Table
from petafit.errors import ContractError
from petafit.stream.sample import take_sample
from petafit.table.opening import open_table
from tests.stream.files import as_delta, write

SPELLINGS = ("city", "City", "CITY")


@pytest.fixture
def drifting(tmp_path):
    """Three files of 30 rows, with several row groups; the first gives the names."""
    for place, name in enumerate(SPELLINGS):
        ids = range(place * 30, place * 30 + 30)
        rows = pa.table({"id" if place else "Id": ids, name: [f"c{i % 7}" for i in ids]})
        write(tmp_path / f"{place}.parquet", rows, row_group_size=10)
    return tmp_path


def test_columns_are_found_in_any_case(drifting, direct, rows_of):
    rows = rows_of(direct(drifting))
    assert rows == [{"Id": i, "city": f"c{i % 7}"} for i in range(90)]
    sample = take_sample(open_table(Table(uri=str(drifting))), ["city"]).rows
    assert sorted(sample["city"].to_pylist()) == sorted(row["city"] for row in rows)


def test_conditions_are_decided_alike_and_still_spare_row_groups(drifting, direct, rows_of):
    source = direct(drifting, "Id >= 45", "city != c3", shards=2, batch_rows=4)
    kept = [i for i in range(45, 90) if i % 7 != 3]
    assert sorted(row["Id"] for row in rows_of(source)) == kept
    pieces = source.cut([0, 0.5, 1])
    read = [
        row["Id"]
        for shard in range(source.shards)
        for piece in pieces.pieces
        for batch in pieces.read(shard, piece=piece)
        for row in batch.to_pylist()
    ]
    assert sorted(read) == kept


def test_a_file_with_several_such_columns_is_refused_unless_one_is_the_same(
    tmp_path, direct, rows_of
):
    write(tmp_path / "a.parquet", pa.table({"id": [1]}))
    write(tmp_path / "b.parquet", pa.table({"ID": [2], "id": [3]}))
    assert rows_of(direct(tmp_path)) == [{"id": 1}, {"id": 3}]
    write(tmp_path / "c.parquet", pa.table({"ID": [4], "Id": [5]}))
    with pytest.raises(ContractError, match=r"c\.parquet.*several columns.*'ID', 'Id'"):
        rows_of(direct(tmp_path))


def test_a_table_with_both_spellings_is_read_exactly(tmp_path, direct, rows_of):
    write(tmp_path / "a.parquet", pa.table({"ID": [1], "id": [10]}))
    write(tmp_path / "b.parquet", pa.table({"id": [20], "ID": [2]}))
    assert rows_of(direct(tmp_path, "ID >= 1", "id < 20")) == [{"ID": 1, "id": 10}]
    assert rows_of(direct(tmp_path, columns=["id"])) == [{"id": 10}, {"id": 20}]
    write(tmp_path / "c.parquet", pa.table({"id": [30]}))
    with pytest.raises(ContractError, match=r"'ID' of .*c\.parquet.*no such column"):
        rows_of(direct(tmp_path, columns=["ID"]))


def test_partition_folders_are_one_column_in_any_case(tmp_path, direct, rows_of):
    for folder, name in (("Day=1", "x"), ("day=2", "X"), ("DAY=3", "x")):
        rows = pa.table({name: [float(folder[-1])], "dAy": [0]})  # the folders' value counts
        write(tmp_path / folder / "a.parquet", rows)
    # Paths are sorted as bytes are.
    assert open_table(Table(uri=str(tmp_path))).partition_columns == ("DAY",)
    rows = rows_of(direct(tmp_path, "DAY >= 2"))
    assert sorted(rows, key=str) == [{"x": 2.0, "DAY": 2}, {"x": 3.0, "DAY": 3}]


def test_a_delta_tables_files_may_spell_otherwise(tmp_path, direct, rows_of):
    for place, name in enumerate(("Price", "price", "other")):
        write(tmp_path / f"part-{place}.parquet", pa.table({"id": [place], name: [1.5]}))
    as_delta(tmp_path, pa.schema({"id": pa.int64(), "price": pa.float64()}))
    rows = rows_of(direct(tmp_path))
    assert rows == [
        {"id": 0, "price": 1.5},
        {"id": 1, "price": 1.5},
        {"id": 2, "price": None},
    ]


def test_a_name_in_another_unicode_form_is_refused(tmp_path, direct, rows_of):
    write(tmp_path / "a.parquet", pa.table({"caf\u00e9": [1]}))
    write(tmp_path / "b.parquet", pa.table({"cafe\u0301": [2]}))
    message = r"b\.parquet is named in another Unicode form.*xe9'; got 'cafe.u0301'"
    with pytest.raises(ContractError, match=message):
        rows_of(direct(tmp_path))
    as_delta(tmp_path, pa.schema({"caf\u00e9": pa.int64()}))
    with pytest.raises(ContractError, match=message):
        rows_of(direct(tmp_path))
