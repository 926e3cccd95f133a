"""Tables of coordinates: what is a view of what, and where a table has moved."""

import numpy as np
import pytest

from petafit.compiled import njit
from petafit.learners.online.weight_table import CoordinateTable, prefetch

FIRST = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize("n_squares", [1, 3])
def test_both_are_views_of_the_numbers(n_squares: int) -> None:
    squares = np.full((4, n_squares), 7, np.float32)
    table = CoordinateTable.of(FIRST, squares)
    assert table.numbers.shape == (4, 3 + n_squares)
    np.testing.assert_array_equal(table.first, FIRST)
    np.testing.assert_array_equal(table.squares, squares)
    copy = table.copy()
    table.first[1], table.squares[2] = -1, -2
    np.testing.assert_array_equal(table.numbers[1, :3], -1)
    np.testing.assert_array_equal(table.numbers[2, 3:], -2)
    np.testing.assert_array_equal(copy.first, FIRST)


@pytest.mark.parametrize("n_squares", [1, 3])
def test_a_coordinate_has_moved_if_either_number_has(n_squares: int) -> None:
    squares = np.zeros((4, n_squares), np.float32)
    table = CoordinateTable.of(FIRST, squares)
    assert not table.moved_from(FIRST, squares).any()
    table.first[1, 2], table.squares[3, 0] = -1, 1
    expected = np.zeros((4, n_squares), bool)
    expected[1, -1] = expected[3, 0] = True
    np.testing.assert_array_equal(table.moved_from(FIRST, squares), expected)


@njit
def prefetched(table: np.ndarray, row: int, offset: int) -> np.ndarray:
    prefetch(table, row, offset)
    return table


@pytest.mark.parametrize("row", [0, 3, -1, 1 << 40])
@pytest.mark.parametrize("shape", [(4, 2), (4, 2, 9)])
def test_any_row_of_any_table_can_be_read(shape: tuple[int, ...], row: int) -> None:
    table = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    table.flags.writeable = False
    np.testing.assert_array_equal(prefetched(table, row, 7), table)
