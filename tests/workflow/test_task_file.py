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


MANY = 3000


def odd_columns() -> dict[str, pa.Array]:
    """Return columns of all types, with missing, infinite, huge and constant values."""
    random = np.random.default_rng(0)
    number = random.normal(size=MANY)
    some = random.random(MANY) < 0.2
    where = pa.array(some)
    return {
        "small": pc.if_else(where, None, pa.array(random.integers(-3, 3, MANY), pa.int8())),
        "huge": pa.array(random.integers(2**62, 2**63 - 1, MANY)),
        "unsigned": pa.array(random.integers(0, 2**63, MANY).astype(np.uint64) * 2),
        "infinite": pa.array(np.where(some, np.inf, number)),
        "both ends": pa.array(np.where(some, -np.inf, np.where(number > 2, np.inf, np.nan))),
        "nan": pa.array(np.where(some, np.nan, number)),
        "wide": pa.array(np.exp(100 * number)),
        "decimal": pa.array(np.round(number, 2)).cast(pa.decimal128(12, 2)),
        "half": pa.array(number.astype(np.float16)),
        "none": pa.nulls(MANY, pa.float64()),
        "nearly none": pa.array([1.5, *[None] * (MANY - 1)]),
        "one": pa.array([3] * MANY),
        "flag": pc.if_else(where, None, pa.array(number > 0)),
        "text": pa.array([f"row {i} of many, {i % 7}" for i in range(MANY)]),
        "empty": pa.array([""] * (MANY - 1) + ["x"]),
        "coded": pa.array([f"v{i % 11}" for i in range(MANY)]).dictionary_encode(),
        "when": pa.array(np.arange(MANY) * 10**9 * 86400, pa.timestamp("ns")),
        "list": pa.array([[1]] * MANY),
        "a `quoted` name": pa.array(random.integers(0, 9, MANY)),
    }


@pytest.mark.parametrize("label", ["classes", "number", "strings", "flag", "small", "nan"])
@pytest.mark.parametrize("split", [(), ("when",)])
def test_columns_of_all_types_are_measured(label: str, split: tuple[str, ...]) -> None:
    columns = odd_columns()
    number = np.nan_to_num(columns["nan"].to_numpy(zero_copy_only=False))
    labels = {
        "classes": pa.array((number > 0.3).astype(int)),
        "number": pa.array(number * 2 + 1),
        "strings": pa.array([f"class {round(2 * x)}" for x in number]),
    }
    table = pa.table({**columns, **{k: v for k, v in labels.items() if k == label}})
    table = table.drop_columns([name for name in ("when",) if name not in split])
    check_works(write_task_file(save(table, "odd"), label=label))
