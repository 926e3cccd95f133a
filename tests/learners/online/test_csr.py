"""The buffers of sparse rows as kernels take them."""

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array

from petafit.learners.online.csr import as_rows, frozen, longest


def test_buffers_of_the_right_type_are_not_copied() -> None:
    X = csr_array(np.eye(3, dtype=np.float32))
    rows = as_rows(X)
    assert np.shares_memory(rows.data, X.data)
    assert np.shares_memory(rows.indices, X.indices)
    assert X.data.flags.writeable


@pytest.mark.parametrize("kind", [np.asarray, csr_array, csc_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_matrices_give_buffers_of_one_type(kind: type, dtype: type) -> None:
    dense = np.array([[0, 2, 0], [0, 0, 0], [3, 0, 4]], dtype)
    rows = as_rows(kind(dense))
    assert [buffer.dtype for buffer in rows] == [np.int64, np.int32, np.float32]
    assert not any(buffer.flags.writeable for buffer in rows)
    assert rows.indptr.tolist() == [0, 1, 1, 3]
    np.testing.assert_array_equal(
        csr_array((rows.data, rows.indices, rows.indptr)).todense(), dense
    )
    assert longest(rows.indptr) == 2


def test_frozen_arrays_are_contiguous() -> None:
    strided = np.arange(6.0)[::2]
    assert frozen(strided, np.float64).flags.c_contiguous
    assert frozen(strided, np.float64).tolist() == [0, 2, 4]
