import json

import pyarrow.parquet as pq
import pytest

from petafit.errors import StorageError
from petafit_benchmark import rows
from petafit_benchmark.contender import parquet_files
from petafit_benchmark.table import BenchmarkTable
from tests.benchmark.examples import COLUMNS, table


def xs(folder):
    return [x for file in parquet_files(folder) for x in pq.read_table(file)["x"].to_pylist()]


def generate_again(staging):
    raise AssertionError("the table is complete")


def test_a_complete_table_is_not_generated_again(tmp_path):
    made = table(tmp_path / "made")
    again = BenchmarkTable.make(tmp_path / "made", columns=COLUMNS, generate=generate_again)
    assert again == made
    assert made.properties["rows"] == 2400
    assert made.properties["seed"] == 7
    assert (made.spec.rows, made.spec.label) == (2000, "y")


@pytest.mark.parametrize("damage", ["truncated", "missing", "properties"])
def test_an_incomplete_table_is_generated_again(tmp_path, damage):
    made = table(tmp_path / "made")
    victim = made.folder / "train" / "0.parquet"
    if damage == "truncated":
        victim.write_bytes(victim.read_bytes()[:-1])
    elif damage == "missing":
        victim.unlink()
    else:
        (made.folder / "table.json").write_text("{")
    assert xs(table(tmp_path / "made").spec.train) == list(range(2000))
    assert json.loads((made.folder / "table.json").read_text())["train_rows"] == 2000


def test_a_table_without_test_rows_is_refused(tmp_path):
    with pytest.raises(StorageError, match="without training rows or without test rows"):
        table(tmp_path / "made", test=0)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("wanted", "before", "found"),
    [
        (300, 0, range(1700, 2000)),
        (1050, 0, range(950, 2000)),
        (250, 100, range(1650, 1900)),
        (9999, 100, range(1900)),
    ],
)
def test_the_newest_rows_are_the_last(tmp_path, wanted, before, found):
    sample = table(tmp_path / "made").newest(wanted, before=before)
    assert sample.rows == len(found)
    assert xs(sample.folder) == list(found)


def test_all_rows_need_no_copy(tmp_path):
    made = table(tmp_path / "made")
    assert made.newest(2000).folder == made.spec.train


def test_samples_have_files_as_petafit_writes_them(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "FILE_ROWS", 256)
    sample = table(tmp_path / "made").newest(600)
    counts = [pq.read_metadata(file).num_rows for file in parquet_files(sample.folder)]
    assert counts == [256, 256, 88]
    assert xs(sample.folder) == list(range(1400, 2000))


def test_an_incomplete_sample_is_made_again(tmp_path):
    made = table(tmp_path / "made")
    (made.folder / "newest-300.staging").mkdir()
    (made.folder / "newest-300.staging" / "part-00009.parquet").write_text("half")
    assert xs(made.newest(300).folder) == list(range(1700, 2000))
