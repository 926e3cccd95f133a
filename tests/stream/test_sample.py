"""A bounded look at a table of any size."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Table
from petafit.errors import ContractError
from petafit.stream.sample import Sample, take_sample
from petafit.table.opening import open_table


def write(folder: Path, files: int, rows: int, group: int) -> None:
    for number in range(files):
        day = pa.repeat(pa.scalar(number), rows)
        table = pa.table({"day": day, "row": range(rows), "text": ["x" * 10] * rows})
        pq.write_table(table, folder / f"{number:03}.parquet", row_group_size=group)


def look(folder: Path, **limits: int) -> Sample:
    return take_sample(open_table(Table(uri=str(folder))), ["day", "row", "text"], **limits)


def test_a_small_table_is_seen_whole(tmp_path: Path) -> None:
    write(tmp_path, files=3, rows=50, group=7)
    sample = look(tmp_path)
    assert sample.is_whole
    assert sample.rows.num_rows == sample.total == 150
    assert sample.rows.schema.field("text").type == pa.string()


def test_a_single_row_group_is_seen_from_its_start(tmp_path: Path) -> None:
    write(tmp_path, files=1, rows=5000, group=5000)
    sample = look(tmp_path, rows=2000)
    assert sample.rows["row"].to_pylist() == list(range(2000))
    assert (sample.total, sample.total_is_certain, sample.is_whole) == (5000, True, False)


def test_a_reach_samples_runs_of_more_rows_than_are_wanted(tmp_path: Path) -> None:
    write(tmp_path, files=1, rows=50_000, group=50_000)
    sample = look(tmp_path, rows=5000, reach=8)
    rows = sample.rows["row"].to_pylist()
    assert len(rows) == 5000
    assert rows == sorted(set(rows))
    assert rows[-1] > 35_000
    assert look(tmp_path, rows=5000, reach=100).rows["row"][-1].as_py() > 45_000


def test_a_reach_leaves_no_row_out_of_a_small_table(tmp_path: Path) -> None:
    write(tmp_path, files=3, rows=5000, group=700)
    assert look(tmp_path, reach=8).is_whole


def test_the_look_is_spread_over_files_and_within_them(tmp_path: Path) -> None:
    write(tmp_path, files=4, rows=4000, group=500)
    sample = look(tmp_path, rows=1600)
    assert sample.rows.num_rows <= 1600
    counts = pc.value_counts(sample.rows["day"]).to_pylist()
    assert {count["values"] for count in counts} == {0, 1, 2, 3}
    assert max(count["counts"] for count in counts) == 400
    assert pc.max(sample.rows["row"]).as_py() >= 3000


def test_of_many_files_some_are_opened_the_last_among_them(tmp_path: Path) -> None:
    write(tmp_path, files=40, rows=100, group=100)
    sample = look(tmp_path, rows=320)
    days = sample.rows["day"].unique().to_pylist()
    assert len(days) == 16
    assert {0, 39} <= set(days)
    assert sample.rows.num_rows == 320
    assert sample.total == pytest.approx(4000, rel=0.05)
    assert not sample.total_is_certain


def test_wide_rows_are_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, files=1, rows=4000, group=500)
    monkeypatch.setattr("petafit.stream.sample._CELLS", 300)
    assert 50 <= look(tmp_path).rows.num_rows <= 100
    monkeypatch.undo()
    monkeypatch.setattr("petafit.stream.sample._BYTES", 16)
    assert look(tmp_path).rows.num_rows < 4000


def test_a_file_that_drifts_is_named(tmp_path: Path) -> None:
    write(tmp_path, files=2, rows=10, group=10)
    pq.write_table(pa.table({"day": ["x"], "row": [1], "text": ["x"]}), tmp_path / "001.parquet")
    with pytest.raises(ContractError, match=r"001\.parquet"):
        look(tmp_path)
