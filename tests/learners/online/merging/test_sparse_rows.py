"""Sums over few coordinates are the sums over all, and stay small."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.learners.online.merging.sparse_rows import added, taken, union


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 200))
def test_the_sum_is_that_of_whole_arrays(data: st.DataObject, total: int) -> None:
    sides = []
    for seed in (1, 2):
        chosen = data.draw(st.none() | st.sets(st.integers(0, total - 1), max_size=total // 2))
        index = None if chosen is None else np.array(sorted(chosen), np.int32)
        rows = total if index is None else len(index)
        values = np.random.default_rng(seed).integers(-9, 9, (rows, 2)).astype(np.float64)
        whole = np.zeros((total, 2))
        whole[slice(None) if index is None else index] = values
        sides.append((index, values, whole))
    (left, ours, one), (right, theirs, other) = sides
    both = union(left, right, total)
    found = added(ours, left, theirs, right, over=both, total=total)
    expected = one + other
    np.testing.assert_array_equal(found, expected if both is None else expected[both])
    if both is not None:
        assert not np.delete(expected, both, axis=0).any()


@pytest.mark.parametrize("total", [40, 1000])
def test_nothing_is_dense_before_it_must_be(total: int) -> None:
    few = union(np.arange(3), np.arange(2, 9), total)
    assert few is not None
    assert few.tolist() == list(range(9))
    assert union(np.arange(total // 2), np.arange(total // 2, total), total) is None


def test_values_are_taken_where_they_are() -> None:
    values, wanted = np.array([[5], [7]], np.int32), np.array([1, 2, 9])
    assert taken(values, np.array([2, 4]), wanted).tolist() == [[0], [5], [0]]
    assert taken(values[:0], np.array([], np.int32), wanted).tolist() == [[0], [0], [0]]
    assert taken(np.arange(10)[:, None], None, wanted).tolist() == [[1], [2], [9]]
