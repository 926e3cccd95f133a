import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from petafit.errors import ContractError
from petafit.features.encoding.target import class_positions, label_numbers, row_weights


@pytest.mark.parametrize(
    ("column", "classes"),
    [
        (pa.array([True, False, True]), (False, True)),
        (pa.array([1, 0, 1], pa.int8()), (0, 1)),
        (pa.array([1, 0, 1], pa.uint32()), (0, 1)),
        (pa.array([1.0, 0.0, 1.0]), (0, 1)),
        (pa.array([1.0, 0.0, 1.0], pa.float32()), (0.0, 1.0)),
        (pa.array([Decimal(1), Decimal(0), Decimal(1)]), (0, 1)),
        (pa.array(["yes", "no", "yes"]), ("no", "yes")),
        (pa.array(["yes", "no", "yes"], pa.large_string()), ("no", "yes")),
        (pa.array(["yes", "no", "yes"]).dictionary_encode(), ("no", "yes")),
        (pa.array([7, 3, 7]).dictionary_encode(), (3, 7)),
        (pa.array([True, False, True]), (0, 1)),
        (pa.array([1, 0, 1]), ("0", "1")),
        (pa.array(["1", "0", "1"]), (0, 1)),
        (pa.array([1.0, -0.0, 1.0]), (0, 1)),
        (pa.array([2**64 - 1, 2**63, 2**64 - 1], pa.uint64()), (2**63, 2**64 - 1)),
        (pa.array([0.1, 0.0, 0.1], pa.float32()), (0, 0.1)),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_classes_become_their_positions(column, classes):
    positions = class_positions(column, "y", classes)
    assert positions.tolist() == [1.0, 0.0, 1.0]
    assert positions.dtype == np.float64


def test_the_order_of_the_classes_counts():
    positions = class_positions(pa.array(["a", "b", "c"])[1:], "y", ("c", "a", "b"))
    assert positions.tolist() == [2.0, 0.0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["no", "maybe"]), r"no known class; expected one of \['no', 'yes'\]; got \['may"),
        (pa.array(["no", None]), "missing in 1 rows.*is not null"),
        (pa.array([["no"]]), "cannot be a class.*got list"),
        (pa.nulls(2), "cannot be a class.*got null"),
        (pa.array([1]), "a different type than its classes"),
        (pa.array([datetime.date(2013, 1, 1)]), "cannot be a class.*got date32"),
        (pa.array([Decimal("1.00000000000000001")]), "too many digits"),
    ],
)
def test_labels_that_are_no_class_are_refused(column, message):
    with pytest.raises(ContractError, match=message):
        class_positions(column, "y", ("no", "yes"))


def test_a_label_that_is_not_a_number_counts_as_missing():
    with pytest.raises(ContractError, match="missing in 1 rows"):
        class_positions(pa.array([0.0, float("nan")]), "y", (0, 1))


@pytest.mark.parametrize("kind", [pa.int16(), pa.float32(), pa.decimal128(5, 1), pa.bool_()])
def test_numbers_to_predict(kind):
    column = pa.array([1, 0, 1]).cast(pa.bool_()).cast(pa.int8()).cast(kind)
    assert label_numbers(column[1:], "y").tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0, None]), "missing in 1 rows"),
        (pa.array([float("nan")]), "missing in 1 rows"),
        (pa.array(["1"]), "not a number; got string. Choose a classifier"),
    ],
)
def test_numbers_that_cannot_be_predicted_are_refused(column, message):
    with pytest.raises(ContractError, match=message):
        label_numbers(column, "y")


def test_weights():
    assert row_weights(pa.array([0, 2, 1])[1:], "w").tolist() == [2.0, 1.0]


@pytest.mark.parametrize("value", [None, -1.0, float("nan"), float("inf")])
def test_unusable_weights_are_refused(value):
    with pytest.raises(ContractError, match=f"1 unusable values.*got {value or 'nan'}"):
        row_weights(pa.array([1.0, value], pa.float64()), "w")


def test_weights_that_are_no_numbers_are_refused():
    with pytest.raises(ContractError, match="not a number; got string"):
        row_weights(pa.array(["1"]), "w")
