"""Columns by their names and values: keys, splits, folds, weights, and those of no use."""

import numpy as np
import pyarrow as pa
import pytest

from petafit.errors import ConfigurationError
from petafit.suggestion.names import names_class, names_fold, names_key, names_part
from petafit.suggestion.roles import Roles, choose_roles
from petafit.suggestion.seen import Seen, label_kind
from petafit.suggestion.splits import Division, choose_division, division_of

ROWS = 1200
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=ROWS)


def seen(table: pa.Table) -> list[Seen]:
    return [Seen.of(name, table.column(name)) for name in table.column_names]


def division(**columns: object) -> Division | None:
    table = pa.table(columns)
    return choose_division(seen(table), table, ())


def roles(**columns: object) -> Roles:
    table = pa.table(columns)
    found = choose_division(seen(table), table, ())
    return choose_roles(seen(table), table, found, index=(), unnamed=())


@pytest.mark.parametrize("name", ["Id", "ID", "passengerId", "PassengerID", "user_uuid", "KEY"])
def test_names_of_keys(name: str) -> None:
    assert names_key(name)


@pytest.mark.parametrize("name", ["paid", "grid", "identity", "valid", "monkey", "turkey", "Humid"])
def test_names_that_only_end_like_keys(name: str) -> None:
    assert not names_key(name)


def test_other_names() -> None:
    assert names_fold("cv_fold")
    assert names_fold("Fold")
    assert not names_fold("folder")
    assert names_part("is_train") is True
    assert names_part("IsTest") is False
    assert names_class("target")
    assert not names_class("typed")


@pytest.mark.parametrize(
    ("values", "train", "validation", "test"),
    [
        (["train", "test"], "part == train", (), "part == test"),
        (["Train", "Val", "TEST"], "part != TEST", ("part == Val",), "part == TEST"),
        (["train", "dev"], "part == train", (), "part == dev"),
        (["training", "validation"], "part == training", (), "part == validation"),
    ],
)
def test_a_column_of_parts_divides_the_rows(
    values: list[str], train: str, validation: tuple[str, ...], test: str
) -> None:
    found = division(x=X, part=[values[i % len(values)] for i in range(ROWS)])
    assert found is not None
    assert (found.train, found.validation, found.test) == ((train,), validation, (test,))


def test_other_words_do_not_divide_the_rows() -> None:
    assert division(part=["train", "bus"] * (ROWS // 2)) is None
    assert division(part=["test", "dev"] * (ROWS // 2)) is None
    assert division(part=["train"] * ROWS) is None


@pytest.mark.parametrize(("yes", "no"), [(True, False), (1, 0)])
def test_a_flag_divides_the_rows(yes: object, no: object) -> None:
    found = division(x=X, is_train=[yes if i % 3 else no for i in range(ROWS)])
    assert found is not None
    text = {True: "true", False: "false"}.get(yes, str(yes)) if yes is True else str(yes)
    assert found.train == (f"is_train == {text}",)
    assert division(trained=[yes if i % 3 else no for i in range(ROWS)]) is None


def test_a_fold_tests_and_a_part_comes_before_it() -> None:
    fold = [i % 5 for i in range(ROWS)]
    found = division(x=X, cv_fold=fold)
    assert found is not None
    assert (found.train, found.test) == (("cv_fold != 4",), ("cv_fold == 4",))
    given = roles(fold=fold, part=["train", "test"] * (ROWS // 2))
    assert given.left_out == {"fold": "folds of cross-validation", "part": "it divides the rows"}


def test_given_conditions_are_by_time_if_later_rows_test() -> None:
    assert division_of("month <= 9", "month >= 10").by_time == "month"
    assert division_of("part == a", "part == b").by_time is None
    with pytest.raises(ConfigurationError):
        division_of("month is what", "month >= 10")


def test_a_weight_has_a_clear_name_or_averages_one() -> None:
    kilos = RANDOM.normal(70, 9, ROWS)
    about_one = RANDOM.exponential(size=ROWS)
    about_one /= about_one.mean()
    assert roles(x=X, sample_weight=kilos).weight == "sample_weight"
    assert roles(x=X, wt=about_one).weight == "wt"
    doubtful = roles(x=X, weight=kilos)
    assert doubtful.weight is None
    assert doubtful.perhaps_weight == ("weight",)
    assert "weight" not in doubtful.left_out
    assert roles(x=X, sample_weight=-kilos).weight is None


def test_columns_of_no_use_are_left_out_with_their_reason() -> None:
    found = roles(
        row=range(ROWS),
        one=[7] * ROWS,
        none=pa.nulls(ROWS, pa.string()),
        some=[7, None] * (ROWS // 2),
        x=X,
    )
    assert found.left_out == {
        "row": "each row has its own",
        "one": "one value in all rows",
        "none": "no value",
    }
    few = pa.table({"row": range(1, 301), "x": X[:300]})
    numbered = choose_roles(seen(few), few, None, index=(), unnamed=())
    assert numbered.left_out == {"row": "it only numbers the rows"}


def test_many_classes_have_a_telling_name_or_are_strings() -> None:
    codes = pa.chunked_array([[i % 58 for i in range(ROWS)]])
    assert label_kind(Seen.of("class_id", codes)) == "classes"
    assert label_kind(Seen.of("age", codes)) == "number"
    assert label_kind(Seen.of("age", codes.cast(pa.string()))) == "classes"
    assert label_kind(Seen.of("class_id", pa.chunked_array([range(ROWS)]))) == "number"
