"""Suggestions from a look at a table."""

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import pytest

from petafit.suggestion.keys import choose_keys
from petafit.suggestion.seen import Seen, label_kind
from petafit.suggestion.splits import Cut, choose_cut

ROWS = 1000


def seen(table: pa.Table) -> list[Seen]:
    return [Seen.of(name, table.column(name)) for name in table.column_names]


def cut(table: pa.Table, partitioned: Sequence[str] = ()) -> Cut | None:
    return choose_cut(seen(table), table, partitioned)


def repeating(values: Sequence[object]) -> list[object]:
    return [values[i * len(values) // ROWS] for i in range(ROWS)]


MONTHS = repeating(range(1, 13))
DAYS = repeating([1 + i % 30 for i in range(360)])
DATES = repeating([dt.date(2013, 1, 1) + dt.timedelta(days=i) for i in range(360)])


def test_only_the_coarsest_varying_calendar_column_orders_rows() -> None:
    one_year = pa.table({"day": DAYS, "month": MONTHS, "year": [2013] * ROWS})
    assert cut(one_year) == Cut("month", 11, pytest.approx(1 / 6, abs=0.01))
    years = repeating(range(2003, 2013))
    two_years = pa.table({"day": DAYS, "Month": MONTHS, "Year": years})
    assert cut(two_years) == Cut("Year", 2011, 0.2)
    assert cut(pa.table({"day": repeating(range(10))})) == Cut("day", 8, 0.2)


def test_a_partition_column_comes_before_a_date_and_a_date_before_a_name() -> None:
    table = pa.table({"month": MONTHS, "at": DATES})
    assert cut(table) == Cut("at", dt.date(2013, 10, 16), pytest.approx(0.2, abs=0.01))
    assert cut(table, ["month"]) == Cut("month", 11, pytest.approx(1 / 6, abs=0.01))


def test_of_two_dates_neither_is_obvious() -> None:
    assert cut(pa.table({"ordered": DATES, "shipped": DATES})) is None
    assert cut(pa.table({"ordered": DATES, "shipped": DATES, "month": MONTHS})) is not None


def test_text_orders_rows_in_iso_format_only() -> None:
    text = [str(date) for date in DATES]
    found = cut(pa.table({"ds": text}))
    assert found is not None
    assert found.first_tested == "2013-10-16"
    assert cut(pa.table({"ds": [f"day {date}" for date in text]})) is None
    assert cut(pa.table({"name": text})) is None


def test_a_column_that_does_not_divide_all_rows_gives_no_split() -> None:
    assert cut(pa.table({"day": [3] * ROWS})) is None
    assert cut(pa.table({"day": [None, *DAYS[1:]]})) is None
    assert cut(pa.table({"weight": [1.0] * ROWS})) is None


def test_a_last_day_with_most_rows_is_still_tested() -> None:
    assert cut(pa.table({"day": [1] * 100 + [2] * 900})) == Cut("day", 2, 0.9)


def test_a_key_by_its_name_comes_first() -> None:
    unique = list(range(ROWS))
    table = pa.table({"amount": unique, "order_id": unique, "noise": [0.5 * i for i in unique]})
    assert choose_keys(seen(table), table) == ("order_id",)
    assert [column.looks_like_key for column in seen(table)] == [True, True, False]
    assert [column.looks_like_key for column in seen(table.slice(0, 9))] == [False, True, False]


def test_keys_are_columns_that_identify_rows() -> None:
    table = pa.table(
        {
            "constant": [1] * ROWS,
            "hundreds": [i // 100 for i in range(ROWS)],
            "rest": [str(i % 100) for i in range(ROWS)],
            "same": [str(i % 100) for i in range(ROWS)],
        }
    )
    assert choose_keys(seen(table), table) == ("rest", "hundreds")


def test_keys_do_not_keep_most_rows_together() -> None:
    gains = [i if i % 20 == 0 else 0 for i in range(ROWS)]
    table = pa.table({"gains": gains, "age": [i % 37 for i in range(ROWS)]})
    assert choose_keys(seen(table), table)[0] == "age"


def test_keys_that_every_row_has_come_first() -> None:
    half = [i if i % 2 else None for i in range(ROWS)]
    number = [i * 37 % 1009 / 7 for i in range(ROWS)]
    table = pa.table({"half": half, "number": number, "flag": [i % 2 == 0 for i in range(ROWS)]})
    assert choose_keys(seen(table), table) == ("number",)
    rest = table.select(["half", "flag"])
    assert choose_keys(seen(rest), rest) == ("flag", "half")
    assert choose_keys(seen(table.select(["half"])), table.select(["half"])) == ("half",)


def test_row_numbers_are_keys_only_if_others_identify_few_rows() -> None:
    number = [i * 37 % 1009 / 7 for i in range(ROWS)]
    table = pa.table({"row": range(ROWS), "number": number, "few": [i % 3 for i in range(ROWS)]})
    assert choose_keys(seen(table), table) == ("row",)
    assert choose_keys(seen(table), table, numbers={"row"}) == ("few", "number")
    rest = table.select(["few", "row"])
    assert choose_keys(seen(rest), rest, numbers={"row"}) == ("few", "row")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"], "classes"),
        ([True, None], "classes"),
        ([0, 1, 2], "classes"),
        (list(range(21)), "number"),
        ([0.0, 1.0, float("nan")], "classes"),
        ([0.0, 0.5, 1.0], "number"),
    ],
)
def test_few_whole_values_are_classes(values: list[object], kind: str) -> None:
    assert label_kind(Seen.of("y", pa.chunked_array([values]))) == kind


def texts(*values: str) -> Seen:
    return Seen.of(
        "title", pa.chunked_array([[f"{value}{i}" for i in range(99) for value in values]])
    )


@pytest.mark.parametrize(
    ("seen", "analyzer"),
    [
        (texts("a red chair, no. "), "word"),
        (texts("три слова и "), "word"),
        (texts("東京は日本の首都です"), "char"),
        (texts("東京"), None),
        (texts("John "), None),
        (texts("unforgettable-"), None),
        (texts("незабываемое"), None),
        (Seen.of("title", pa.chunked_array([["one of few titles", "the other one"] * 50])), None),
        (Seen.of("title", pa.chunked_array([["the only title there is"]])), None),
        (Seen.of("title", pa.chunked_array([[None]], pa.string())), None),
        (Seen.of("n", pa.chunked_array([list(range(99))])), None),
    ],
)
def test_text_has_words_or_a_script_without_spaces_and_seldom_repeats(
    seen: Seen, analyzer: str | None
) -> None:
    assert seen.analyzer == analyzer
    assert (seen.feature_kind == "text") == (analyzer is not None)


def test_text_is_no_key_unless_it_is_named_as_one() -> None:
    values = pa.chunked_array([[f"the title of row {i}" for i in range(ROWS)]])
    assert not Seen.of("title", values).looks_like_key
    assert Seen.of("title_id", values).looks_like_key


def test_missing_and_infinite_values_are_counted_apart() -> None:
    column = Seen.of("x", pa.chunked_array([[1.0, None, float("nan")], [float("-inf"), 2.0]]))
    assert (column.rows, column.missing, column.infinite, column.distinct) == (5, 2, 1, 3)
    assert (column.smallest, column.largest) == (float("-inf"), 2.0)
