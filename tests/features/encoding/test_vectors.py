"""Vectors of Spark ML in a batch: sparse, dense, null and damaged ones."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.errors import ContractError
from petafit.features.column_statistics import TableStatistics
from petafit.features.columns import VECTOR
from petafit.features.encoder import Encoder
from petafit.features.encoding.vectors import Entries, entries_of, sparse_vectors
from petafit.features.feature import Categorical, Numeric, Text, Vector

NOTHING = TableStatistics(rows=None, weight=None, columns={}, classes=(0, 1))


def stored(row, is_dense):
    """A vector as Spark gives it to Python."""
    if row is None:
        return None
    if is_dense:
        return {"type": 1, "size": None, "indices": None, "values": list(row)}
    slots = [slot for slot, value in enumerate(row) if value != 0]
    values = [row[slot] for slot in slots]
    return {"type": 0, "size": len(row), "indices": slots, "values": values}


@st.composite
def vectors(draw, size):
    numbers = st.sampled_from([0.0, 0.0, 1.5, -2.0, float("nan")])
    rows = draw(st.lists(st.none() | st.lists(numbers, min_size=size, max_size=size), max_size=6))
    return rows, pa.array([stored(row, draw(st.booleans())) for row in rows], VECTOR)


@given(vectors(3))
def test_slots_are_columns_of_x(drawn):
    rows, column = drawn
    batch = pa.record_batch({"v": column, "x": pa.array([2.5] * len(rows), pa.float64())})
    features = (Numeric("x", impute="none", scale="none"), Vector("v", 3))
    encoder = Encoder(features, NOTHING, hash_bits=4, dtype="float64")
    expected = [[2.5, *np.nan_to_num(row if row is not None else [0.0] * 3)] for row in rows]
    X = encoder(batch, labels=False).X
    assert X.shape == (len(rows), 4)
    np.testing.assert_array_equal(X.toarray(), np.reshape(expected, (-1, 4)))
    assert np.count_nonzero(X.data) == X.nnz


@given(vectors(3))
def test_entries_make_the_same_vectors(drawn):
    rows, column = drawn
    there = np.array([row is not None for row in rows], bool)
    again = sparse_vectors(entries_of(column, 3, "v"), len(rows), 3, there)
    assert again.type == VECTOR
    assert again.is_valid().to_pylist() == there.tolist()
    for before, after in zip(entries_of(column, 3, "v"), entries_of(again, 3, "v"), strict=True):
        np.testing.assert_array_equal(before, after)


def test_vectors_follow_texts_and_numbers_of_a_row():
    features = (
        Vector("v", 2),
        Categorical("c"),
        Text("t", ngrams=(1, 1), norm="none"),
        Numeric("x", impute="none", scale="none"),
        Vector("w", 3, ("a", "b", "c")),
    )
    encoder = Encoder(features, NOTHING, hash_bits=4)
    column = [stored([0.0, 7.0], True), None]
    batch = pa.record_batch(
        {
            "v": pa.array(column, VECTOR),
            "w": pa.array([None, stored([1.0, 0.0, 3.0], False)], VECTOR),
            "c": pa.array(["one", None]),
            "t": pa.array(["a b", "a"]),
            "x": pa.array([4.0, 5.0]),
        }
    )
    X = encoder(batch, labels=False).X.toarray()
    np.testing.assert_array_equal(X[:, 16:], [[4, 0, 7, 0, 0, 0], [5, 0, 0, 1, 0, 3]])
    np.testing.assert_array_equal(X[:, :16].sum(axis=1), [3, 1])
    assert features[4].slot_name(2) == "c"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"type": 0, "size": 3, "indices": [1], "values": [1.0]}, "expected 2 slots; got 3"),
        ({"type": 1, "values": [1.0, 2.0, 3.0]}, "expected 2 slots; got 3"),
        ({"type": 0, "size": 2, "indices": [5], "values": [1.0]}, "are not those of the training"),
        ({"type": 0, "size": 2, "indices": [-1], "values": [1.0]}, "are not those of the training"),
        ({"type": 0, "size": 2, "indices": [0, 1], "values": [1.0]}, "are not those"),
        ({"type": 0, "size": 2, "indices": [1], "values": [float("inf")]}, r"infinite.*got v\[1\]"),
    ],
)
def test_other_vectors_are_refused(row, message):
    batch = pa.record_batch({"v": pa.array([None, row], VECTOR)})
    encoder = Encoder((Vector("v", 2),), NOTHING, hash_bits=4)
    with pytest.raises(ContractError, match=message):
        encoder(batch, labels=False)


def test_a_slot_can_hold_more_than_32_bits():
    entries = Entries(np.array([0]), np.array([2**18 - 1]), np.array([0.1]))
    batch = pa.record_batch({"v": sparse_vectors(entries, 1, 2**18)})
    encoder = Encoder((Vector("v", 2**18),), NOTHING, hash_bits=4, dtype="float64")
    assert encoder(batch, labels=False).X[0, 2**18 - 1] == 0.1
