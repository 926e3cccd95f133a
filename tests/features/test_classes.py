"""Classes as settings name them, against the values that a column can hold."""

import re
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.errors import ContractError
from petafit.features.classes import as_classes, class_array


@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, unique=True))
def test_the_text_of_a_whole_number_is_that_number(numbers: list[int]) -> None:
    assert as_classes(list(map(str, numbers)), pa.uint64(), "y") == tuple(numbers)
    np.testing.assert_array_equal(class_array(numbers), np.array(numbers, np.uint64))


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        (["true", "false"], pa.bool_(), (True, False)),
        ([0, 1], pa.bool_(), (0, 1)),
        (["-1", 2.0], pa.int8(), (-1, 2)),
        (["0.5", "1e2"], pa.float64(), (0.5, 100.0)),
        (["0.10", 1], pa.decimal128(5, 2), (0.1, 1)),
        ([0.1, 1], pa.float32(), (float(np.float32(0.1)), 1)),
        ([7, "08"], pa.dictionary(pa.int32(), pa.string()), ("7", "08")),
    ],
)
def test_classes_become_values_of_the_column(
    given: list[str | float], kind: pa.DataType, expected: tuple[str | float, ...]
) -> None:
    assert as_classes(given, kind, "y") == expected


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("01", pa.int64()),
        ("+1", pa.int64()),
        ("1.0", pa.int64()),
        ("-0", pa.int64()),
        (" 1", pa.int64()),
        ("300", pa.uint8()),
        (-1, pa.uint64()),
        (1.5, pa.int64()),
        ("yes", pa.bool_()),
        (2, pa.bool_()),
        (1.0, pa.string()),
        (True, pa.string()),
        ("nan", pa.float64()),
        ("x", pa.float64()),
        (1, pa.date32()),
    ],
)
def test_a_class_that_is_no_value_of_the_column_is_refused(
    choice: str | float, kind: pa.DataType
) -> None:
    with pytest.raises(ContractError, match=re.escape(f"of type {kind}; got {choice!r}")):
        as_classes([choice], kind, "y")


def test_two_spellings_of_one_value_are_refused() -> None:
    with pytest.raises(ContractError, match="the same value"):
        as_classes(["1", 1], pa.int64(), "y")


@given(st.decimals(-1000, 1000, places=3))
def test_a_decimal_class_is_looked_up_as_it_is_counted(number: Decimal) -> None:
    [found] = as_classes([str(number)], pa.decimal128(7, 3), "y")
    assert found == float(number)
