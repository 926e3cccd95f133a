"""Columns that `petafit init` leaves out of a task's features, or doubts, and rows it filters."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from petafit.table.filters.predicate import parse
from petafit.workflow.init import write_task_file
from tests.workflow.task_files import ROWS, check_works, clicks, save


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PETAFIT_CONF", raising=False)


def test_without_a_date_and_an_id_the_keys_identify_rows() -> None:
    table = clicks().select(["click", "user_id", "site", "new", "price"])
    loaded = check_works(write_task_file(save(table), label="click"))
    assert set(loaded.keys) == {"site", "user_id"}
    assert "user_id" in str(loaded.features)


def test_the_pandas_index_and_columns_that_leak_the_label_are_named() -> None:
    rows = clicks()
    clicked = pa.array([("no", "yes")[value] for value in rows["click"].to_pylist()])
    numbers = pa.array([float(i) / 3 for i in range(ROWS)])
    frame = rows.append_column("clicked", clicked).append_column("row", numbers).to_pandas()
    Path("data/clicks").mkdir(parents=True)
    frame.set_index("price").to_parquet("data/clicks/a.parquet", row_group_size=100)
    path = write_task_file("data/clicks", label="click")
    text = path.read_text()
    assert "  # left out: price, the index of a pandas frame\n" in text
    assert (
        "  # left out: clicked, it alone gives the label, AUC 1.000: is it known beforehand?\n"
        in text
    )
    assert "  # rows are in the order of row; is it only their number?\n" in text
    assert text.count("alone gives the label") == text.count("rows are in the order") == 1
    check_works(path)


def test_columns_that_number_the_rows_are_named() -> None:
    rows = 300
    table = pa.table(
        {
            "click": [i * 13 % 17 > 8 for i in range(rows)],
            "price": [i * 37 % 1009 / 7 for i in range(rows)],
            "batch": [i // 4 for i in range(rows)],
            "shuffled": [i * 7 % rows for i in range(rows)],
            "gaps": [i * 7 % rows * 2 for i in range(rows)],
            "thirds": [i // 100 for i in range(rows)],
        }
    )
    text = write_task_file(save(table), label="click").read_text()
    assert "  # rows are in the order of batch; is it only their number?\n" in text
    assert "  # left out: shuffled, it only numbers the rows\n" in text
    assert text.count("only their number?") == text.count("only numbers the rows") == 1


def test_a_number_that_equals_the_label_is_named() -> None:
    price = [i * 37 % 1009 / 7 for i in range(1009)]
    rest = [i * 101 % 1009 / 7 for i in range(1009)]
    table = pa.table({"price": price, "paid": price, "rest": rest})
    text = write_task_file(save(table, "sales"), label="price").read_text()
    assert "# left out: paid, it alone gives the label, R² 0.99" in text
    assert text.count("left out") == 1


def test_the_unnamed_index_is_reported_once_and_is_no_key() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=300), "y": [0, 1] * 150})
    Path("data/t").mkdir(parents=True)
    frame.sample(frac=1, random_state=1).to_parquet("data/t/a.parquet")
    path = write_task_file("data/t", label="y")
    lines = [line for line in path.read_text().splitlines() if "__index_level_0__" in line]
    assert [line.split()[:3] for line in lines] == [
        ["#", "__index_level_0__", "int64"],
        ["#", "left", "out:"],
    ]
    assert check_works(path).keys == ("x",)


def test_rows_whose_label_is_no_finite_number_are_filtered() -> None:
    values = [None, float("inf"), float("-inf"), float("nan"), *(i / 7 for i in range(296))]
    table = pa.table({"y": values, "x": [i * 37 % 1009 / 7 for i in range(300)]})
    path = write_task_file(save(table), label="y")
    assert "# 1.3% have no label, or an infinite one" in path.read_text()
    loaded = check_works(path)
    mask = parse(loaded.table.filter).mask(table.combine_chunks().to_batches()[0])
    assert mask is not None
    assert pc.sum(mask).as_py() == 296


def test_keys_that_are_too_few_to_hold_some_out_are_joined_by_numbers() -> None:
    rows = 600
    random = np.random.default_rng(0)
    table = pa.table(
        {
            "click": random.random(rows) < 0.5,
            "site": [f"site {i % 3}" for i in range(rows)],
            "price": random.normal(size=rows),
        }
    )
    loaded = check_works(write_task_file(save(table), label="click"))
    assert set(loaded.keys) == {"site", "price"}
    assert loaded.split.test_share == 0.1
