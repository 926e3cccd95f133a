"""A user's function: what it takes, what it gives, and what is said where it fails."""

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from petafit.errors import ConfigurationError, ContractError
from petafit.functions.function import Function, function


@function(returns="double")
def per_hour(distance: pd.Series, hours: pd.Series) -> pd.Series:
    return distance / hours


def declared(body: Callable[..., Any], **options: Any) -> Function:
    return function(**{"returns": "double", **options})(body)


def test_the_inputs_are_the_columns_named_like_the_parameters() -> None:
    assert (per_hour.name, per_hour.inputs) == ("per_hour", ("distance", "hours"))
    found = per_hour.apply([pa.array([3, None], pa.int32()), pa.array([2.0, 1.0])])
    assert found.equals(pa.array([1.5, None]))


def test_it_can_be_called_as_it_was_written() -> None:
    assert per_hour(pd.Series([4.0]), pd.Series([2.0])).tolist() == [2.0]


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        (pa.array([1, 2], pa.int16()), "int16"),
        (pa.array(["a", None]).dictionary_encode(), "object"),
        (pa.array([datetime.date(2013, 1, 5)]), "datetime64[ms]"),
        (
            pa.array([datetime.datetime(2013, 1, 5)], pa.timestamp("us", "UTC")),
            "datetime64[us, UTC]",
        ),
    ],
)
def test_a_series_has_the_type_of_its_column(values: pa.Array, seen: str) -> None:
    kinds: list[str] = []

    def spy(a: pd.Series) -> pd.Series:
        kinds.append(str(a.dtype))
        return pd.Series(np.zeros(len(a)))

    declared(spy).apply([values])
    assert kinds in ([seen], ["str"])  # pandas 3 has a type for text


def test_a_function_on_arrow_takes_and_gives_arrays() -> None:
    def length(a: pa.Array) -> pa.Array:
        return pc.utf8_length(a)

    found = declared(length, returns="bigint", on="arrow").apply([pa.array(["ab", None])])
    assert found.equals(pa.array([2, None], pa.int64()))


@pytest.mark.parametrize(
    ("body", "returns", "message"),
    [
        (lambda a: a[:1], "double", "expected 3 rows.*got 1 rows"),
        (lambda a: 1.0, "double", "expected a column; got float"),
        (lambda a: a.astype(str) + "x", "double", "expected double; got"),
        (lambda a: a + 0.5, "int", "expected int; got float64"),
    ],
)
def test_another_length_or_type_is_refused(
    body: Callable[..., Any], returns: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        declared(body, returns=returns).apply([pa.array([1.0, 2.0, 3.0])])


def test_an_exception_names_the_function_the_row_and_its_values() -> None:
    def strict(city: pd.Series, speed: pd.Series) -> pd.Series:
        if (speed < 0).any():
            raise ValueError("too slow")
        return speed

    columns = [pa.array(["a", "b", "c"]), pa.array([1.0, -2.0, 3.0])]
    with pytest.raises(ContractError) as caught:
        declared(strict).apply(columns)
    assert str(caught.value).startswith(
        "The function 'strict' of city, speed failed on row 1 of a batch: city='b', speed=-2.0; "
        "got ValueError: too slow."
    )


def test_a_failure_of_no_row_alone_says_so() -> None:
    def pairs(a: pd.Series) -> pd.Series:
        if len(a) > 1:
            raise ValueError("one at a time")
        return a

    with pytest.raises(ContractError, match=r"failed on a batch, but on none of its rows alone"):
        declared(pairs).apply([pa.array([1.0, 2.0])])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"returns": "doubel"}, "Did you mean 'double'"),
        ({"on": "numpy"}, "pandas or on arrow"),
        ({"inputs": ["a", "b"]}, "takes other columns"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        declared(lambda a: a, **options)
