"""Prefetching has no effect that a program can see."""

import numpy as np
import pytest

from petafit.compiled import njit
from petafit.learners.online.prefetch import prefetch


@njit
def prefetched(table: np.ndarray, row: int, offset: int) -> np.ndarray:
    prefetch(table, row, offset)
    return table


@pytest.mark.parametrize("row", [0, 3, -1, 1 << 40])
@pytest.mark.parametrize("shape", [(4, 2), (4, 2, 9)])
def test_any_row_of_any_table_may_be_asked_for(shape: tuple[int, ...], row: int) -> None:
    table = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    table.flags.writeable = False
    np.testing.assert_array_equal(prefetched(table, row, 7), table)
