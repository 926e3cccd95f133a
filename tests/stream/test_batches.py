"""Batches: the wanted columns in the wanted types, the chosen rows."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.errors import ContractError
from petafit.stream.batches import (
    carried_schema,
    chosen,
    normalise,
    one_code_a_row,
    predicate_schema,
)
from petafit.table.columns import STRINGS
from petafit.table.filters.predicate import parse

TABLE = pa.schema({"month": pa.int32(), "origin": pa.string(), "day": pa.date32()})
UTC = pa.timestamp("us", "UTC")


def test_wanted_columns_keep_their_order_and_strings_are_dictionaries():
    wanted = carried_schema(TABLE, ["origin", "month"])
    assert wanted == pa.schema({"origin": STRINGS, "month": pa.int32()})


def test_the_predicates_columns_are_read_once():
    predicate = parse(["month < 9", "day > 2013-01-01"])
    assert predicate_schema(TABLE, ["month"], predicate) == pa.schema({"day": pa.date32()})


def test_a_column_the_table_lacks_is_named_with_the_closest():
    with pytest.raises(ContractError, match=r"'orign'.*Did you mean 'origin'"):
        carried_schema(TABLE, ["orign"])


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", None, "b", "a"]),
        pa.array(["a", None, "b", "a"], pa.large_string()),
        pa.array(["a", None, "b", "a"], pa.string_view()),
        pa.array(["a", None, "b", "a"]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(
            pa.array([0, None, 1, 0], pa.int8()), pa.array(["a", "b"], pa.large_string())
        ),
        pa.array(["x", "a", None, "b", "a"]).dictionary_encode().slice(1),
    ],
)
def test_any_kind_of_string_becomes_a_dictionary(values):
    batch = normalise(pa.record_batch({"s": values}), pa.schema({"s": STRINGS}))
    assert batch.schema.field("s").type == STRINGS
    assert batch.column("s").to_pylist() == ["a", None, "b", "a"]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array([1, None], pa.int16()), pa.uint8(), [1, None]),
        (
            pa.array([datetime.datetime(2013, 1, 1)], pa.timestamp("us", "Europe/Berlin")),
            UTC,
            [datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC)],
        ),
        (
            pa.array([datetime.datetime(2013, 1, 1)], pa.timestamp("us")),
            UTC,
            [datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC)],
        ),
    ],
)
def test_values_stay_what_they_are_in_another_type(values, kind, expected):
    batch = normalise(pa.record_batch({"v": values}), pa.schema({"v": kind}))
    assert batch.column("v").type == kind
    assert batch.column("v").to_pylist() == expected


def test_a_value_without_an_equal_is_refused():
    with pytest.raises(pa.ArrowInvalid):
        normalise(pa.record_batch({"v": [300]}), pa.schema({"v": pa.int8()}))


def test_equal_types_are_not_copied():
    values = pa.array([1.0, 2.0])
    batch = normalise(pa.record_batch({"v": values}), pa.schema({"v": pa.float64()}))
    assert batch.column("v").buffers()[1].address == values.buffers()[1].address


def test_rows_are_chosen_and_columns_that_only_choose_are_dropped():
    batch = pa.record_batch({"n": [1, 2, None], "s": ["a", "b", "c"]})
    schema = pa.schema({"s": STRINGS})
    assert chosen(batch, schema=schema, predicate=parse(["n > 1"])).to_pylist() == [{"s": "b"}]
    assert chosen(batch, schema=schema, predicate=parse([])).num_rows == 3
    assert chosen(batch, schema=schema, predicate=parse(["n > 2"])) is None
    assert chosen(batch.slice(0, 0), schema=schema, predicate=parse([])) is None


@given(st.lists(st.none() | st.text(max_size=3), max_size=20), st.integers(0, 20))
def test_texts_become_a_dictionary_of_themselves_without_a_copy(values, start):
    texts = pa.array(values, pa.string()).slice(min(start, len(values)))
    column = one_code_a_row(texts)
    assert column.type == STRINGS
    assert column.to_pylist() == texts.to_pylist()
    assert column.dictionary.null_count == 0
    assert column.dictionary.buffers()[1:] == texts.buffers()[1:]
