"""The features of generated tables whose truth is known."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from petafit.config.feature_groups import NumericFeatures
from petafit.suggestion.halves import at_random
from petafit.suggestion.measured import Measured, measure
from petafit.suggestion.residuals import LabelledRows
from tests.suggestion.rows import labelled, seen

N = 20_000
RANDOM = np.random.default_rng(0)
SIX = RANDOM.integers(0, 6, N)
COUNT = np.floor(RANDOM.lognormal(2, 1.5, N)).astype(np.int64)
NUMBER = RANDOM.normal(size=N)
SITE = np.array([f"site {i}" for i in RANDOM.integers(0, 8, N)])


def drawn(margin: np.ndarray) -> np.ndarray:
    return np.random.default_rng(2).random(len(margin)) < 1 / (1 + np.exp(-margin))


def measured(rows: LabelledRows, time: str | None = None) -> Measured:
    return measure(seen(rows), rows, time=time, taken=rows.rows.column_names)


def test_a_code_is_a_category_and_a_curve_is_binned() -> None:
    odd = np.array([1.0, -1, 1, -1, 1, -1])[SIX]
    found = measured(
        labelled(
            six=SIX, x=NUMBER, z=RANDOM.normal(size=N), y=drawn(odd + 2 * (abs(NUMBER) < 0.7) - 1)
        )
    )
    assert found.codes == ["six"]
    assert found.forms["x"].binned
    assert not found.forms["z"].binned


def test_a_straight_line_stays_a_number_and_a_long_tail_is_shortened() -> None:
    found = measured(labelled(count=COUNT, x=NUMBER, y=drawn(np.log1p(COUNT) - 2 + NUMBER)))
    assert found.forms["count"].log1p
    assert not found.forms["x"].log1p
    assert not found.forms["x"].binned
    assert not found.codes


def test_few_values_of_a_small_table_stay_numbers() -> None:
    few = slice(0, 600)
    found = measured(labelled(six=SIX[few], y=drawn(0.5 * SIX[few] - 1.5)))
    assert not found.codes
    assert not found.forms["six"].binned


def test_single_values_that_tell_are_categories_beside_bins() -> None:
    amount = RANDOM.integers(1, 300, N)
    found = measured(labelled(amount=amount, y=drawn(np.where(amount % 7 == 0, 2.0, -2.0))))
    assert found.forms["amount"].values
    assert found.forms["amount"].binned


def test_a_column_that_gives_the_label_away_is_a_leak() -> None:
    y = drawn(NUMBER)
    told = np.where(y, RANDOM.random(N) + 1, RANDOM.random(N) + (RANDOM.random(N) < 0.001))
    found = measured(labelled(x=NUMBER, told=told, y=y))
    assert list(found.leaks) == ["told"]
    assert found.leaks["told"].measure == "AUC"
    assert 0.99 < found.leaks["told"].value < 1


def test_a_leak_of_a_number_is_told_by_its_r2() -> None:
    y = 3 * NUMBER + RANDOM.normal(size=N)
    found = measured(labelled("number", x=NUMBER, told=np.exp(y / 2), y=y))
    assert list(found.leaks) == ["told"]
    assert found.leaks["told"].measure == "R²"


def test_a_category_of_many_classes_that_is_the_label_leaks() -> None:
    found = measured(labelled(x=NUMBER, copy=SITE, y=SITE))
    assert list(found.leaks) == ["copy"]


def test_a_pair_that_tells_only_together_is_crossed_and_no_other() -> None:
    shop = np.array([f"shop {i}" for i in RANDOM.integers(0, 5, N)])
    together = np.array([int(s[-1]) for s in SITE]) % 2 == SIX % 2
    margin = 2.0 * together - 1 + 0.3 * np.array([int(s[-1]) for s in shop])
    found = measured(labelled(six=SIX, site=SITE, shop=shop, y=drawn(margin)))
    assert [set(cross.names) for cross in found.crosses] == [{"six", "site"}]
    assert found.crosses[0].gain.per_row > 0.05


def test_additive_effects_are_not_crossed() -> None:
    shop = np.array([f"shop {i}" for i in RANDOM.integers(0, 5, N)])
    margin = 0.4 * np.array([int(s[-1]) for s in SITE]) + 0.4 * SIX - 2
    assert not measured(labelled(six=SIX, site=SITE, shop=shop, y=drawn(margin))).crosses


def test_a_bin_whose_name_a_column_has_is_not_proposed() -> None:
    curve = drawn(2.0 * (abs(NUMBER) < 0.7) - 1)
    found = measured(labelled(x=NUMBER, x_bin=SIX.astype(str), y=curve))
    assert not found.forms["x"].binned


def test_a_column_that_misleads_later_is_left_out() -> None:
    month = np.arange(N) * 10 // N
    day = RANDOM.integers(0, 30, N)
    storm = np.random.default_rng(3).normal(size=(10, 30))[month, day]
    rows = labelled(month=month, day=day, x=NUMBER, y=drawn(NUMBER + 3 * storm))
    found = measured(rows, time="month")
    assert found.misleading == ["day"]


def test_what_holds_at_all_times_is_not_left_out() -> None:
    month, margin = np.arange(N) * 10 // N, np.where(SIX > 2, 1.5, -1.5)
    found = measured(labelled(month=month, six=SIX, x=NUMBER, y=drawn(margin)), time="month")
    assert found.misleading == []
    assert "six" in found.codes


def test_text_alone_over_time_is_measured() -> None:
    text = [f"row {i} of many things {'yes' if x > 0 else 'no'}" for i, x in enumerate(NUMBER)]
    few = slice(0, 5000)
    month = np.arange(5000) * 10 // 5000
    rows = labelled(month=pa.array([f"{m}" for m in month]), text=text[few], y=NUMBER[few] > 0)
    columns = [column for column in seen(rows) if column.name == "text"]
    found = measure(columns, rows, time="month", taken=())
    assert found.texts["text"].word > 0.99


def test_text_is_cut_into_what_tells_more() -> None:
    n = 1500
    random = np.random.default_rng(5)
    kinds = random.integers(0, 2, n)
    ends = np.array([["ing", "ed"], ["heit", "keit"]])
    names = ["".join(random.choice(list("abcdefgh"), 6)) for _ in range(n)]
    text = [
        f"{name}{ends[kind][i % 2]} {i} of {name[::-1]}{ends[kind][0]}"
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    found = measured(labelled(text=text, y=kinds.astype(bool)))
    assert found.texts["text"].best("word") == "char"
    assert found.texts["text"].char > 0.95


def test_rows_without_two_classes_and_few_rows_are_not_measured() -> None:
    assert measured(labelled(x=[1, 2, 3], y=[True, False, True])).forms == {}
    assert measured(labelled(x=NUMBER, y=[True] * N)).forms == {}


def test_rows_of_many_classes_are_fewer() -> None:
    classes = pa.array([f"class {i % 1000}" for i in range(20_000)])
    table = pa.table({"x": range(20_000), "y": classes})
    rows = at_random(table, "y", "classes", None)
    assert rows.rows.num_rows == 8000
    assert rows.rows.column("x").to_pylist() == sorted(rows.rows.column("x").to_pylist())
    residuals = rows.residuals([NumericFeatures(numeric=("x",))])
    assert residuals.slope.shape == (8000, 1000)
    np.testing.assert_allclose(residuals.slope.sum(axis=1), 0, atol=1e-9)


@pytest.mark.parametrize("kind", [pa.float64(), pa.decimal128(12, 4), pa.float16()])
def test_numbers_of_any_type_are_measured(kind: pa.DataType) -> None:
    values = pa.array(np.round(NUMBER, 3)).cast(pa.float32() if kind == pa.float16() else kind)
    values = values.cast(kind) if kind == pa.float16() else values
    dates = pa.array([dt.date(2020, 1, 1 + int(i)) for i in SIX])
    found = measured(labelled(x=values, at=dates, y=drawn(2.0 * (abs(NUMBER) < 0.7) - 1)))
    assert found.forms["x"].binned
