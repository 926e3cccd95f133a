"""Ids of any length are numbered without loss."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.errors import ConfigurationError
from petafit.learners.mllib.distinct_ids import DistinctIds
from petafit.learners.mllib.ids import IdTable, stored_type
from petafit.store.arrays import StateDict, from_bytes, to_bytes

NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30)
UNSIGNED = st.lists(st.integers(0, 2**64 - 1), max_size=30)
TEXTS = st.lists(st.text(max_size=5), max_size=30)


@given(st.data())
@pytest.mark.parametrize(
    ("drawn", "kind"),
    [(NUMBERS, pa.int64()), (UNSIGNED, pa.uint64()), (TEXTS, pa.string())],
)
def test_each_id_has_its_own_number(drawn: Any, kind: pa.DataType, data: Any) -> None:
    """Those of the table come back from their numbers; others have none."""
    known, others = data.draw(drawn), data.draw(drawn)
    stored = stored_type(kind)
    assert stored is not None
    half = len(known) // 2
    parts = [pa.array(known[:half], kind), pa.array(known[half:], kind).dictionary_encode()]
    table = IdTable.from_state_dict(from_bytes(to_bytes(IdTable.of(parts, stored).to_state_dict())))
    assert len(table) == len(set(known))
    for column in (pa.array([*known, *others], kind), pa.array(known, kind).dictionary_encode()):
        found = table.positions(column)
        expected = [value in set(known) for value in column.to_pylist()]
        assert (found >= 0).tolist() == expected
        kept = table.as_column(found[found >= 0]).to_pylist()
        assert kept == [value for value in column.to_pylist() if value in set(known)]


def test_ids_of_another_type_are_unknown() -> None:
    """2**64 - 1 is not -1, and "1" is not 1."""
    numbers = IdTable.of([pa.array([-1, 1])], pa.int64())
    np.testing.assert_array_equal(numbers.positions(pa.array([2**64 - 1, 1], pa.uint64())), [-1, 1])
    np.testing.assert_array_equal(numbers.positions(pa.array([1, None], pa.int8())), [1, -1])
    np.testing.assert_array_equal(numbers.positions(pa.array(["1"])), [-1])
    unsigned = IdTable.of([pa.array([2**64 - 1], pa.uint64())], pa.uint64())
    np.testing.assert_array_equal(unsigned.positions(pa.array([-1])), [-1])
    texts = IdTable.of([pa.array(["1", "é"])], pa.large_binary())
    np.testing.assert_array_equal(texts.positions(pa.array([1])), [-1])
    np.testing.assert_array_equal(texts.positions(pa.array(["e\u0301", None, "é"])), [-1, -1, 1])
    empty = pa.DictionaryArray.from_arrays(pa.array([None], pa.int32()), pa.array([], pa.string()))
    np.testing.assert_array_equal(texts.positions(empty), [-1])


@pytest.mark.parametrize("kind", [pa.float64(), pa.bool_(), pa.date32(), pa.decimal128(20, 0)])
def test_other_types_are_no_ids(kind: pa.DataType) -> None:
    assert stored_type(kind) is None


@pytest.mark.parametrize(
    "arrays",
    [
        {"numbers": np.array([2, 1])},
        {"numbers": np.array([1, 1])},
        {"numbers": np.array([1.0, 2.0])},
        {"texts": np.frombuffer(b"ba", np.uint8), "ends": np.array([0, 1, 2])},
        {"texts": np.frombuffer(b"ab", np.uint8), "ends": np.array([0, 3])},
        {"texts": np.frombuffer(b"ab", np.uint8), "ends": np.array([0, 2, 1, 2])},
        {"texts": np.frombuffer(b"ab", np.uint8), "ends": np.array([], np.int64)},
    ],
)
def test_damaged_tables_are_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"ids|ends"):
        IdTable.from_state_dict(StateDict(arrays))


def test_more_ids_than_a_model_can_have_are_refused() -> None:
    schema = pa.schema([("user", pa.string()), ("item", pa.int32())])
    counting = DistinctIds(("user", "item"), schema, most=4)
    parts = [
        counting.lift(counting.reduce(counting.start(), pa.record_batch([users, items], schema)))
        for users, items in ((["a", "b"], [1, 1]), (["b", "c"], [1, 2]))
    ]
    with pytest.raises(ConfigurationError, match=r"at most 4 different ids; got 5.*rank"):
        counting.merge(*parts)


def test_many_batches_are_sorted_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petafit.learners.mllib.distinct_ids._FRESH", 2)
    schema = pa.schema([("user", pa.int64())])
    counting = DistinctIds(("user",), schema, most=1000)
    state = counting.start()
    for first in range(0, 50, 5):
        numbers = np.arange(first + 7, first, -1)
        state = counting.reduce(state, pa.record_batch([pa.array(numbers)], schema))
    assert len(state["user"].known) > 2
    assert counting.finish(counting.lift(state))["user"].ids.to_pylist() == list(range(1, 53))
