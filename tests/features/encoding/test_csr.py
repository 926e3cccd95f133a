from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from petafit.features.encoding.csr import Ragged, room_for_columns, to_csr

N_FEATURES = 8


def columns(values, dtype):
    """Columns as `to_csr` takes them."""
    values = np.asarray(values, dtype)
    room = room_for_columns(*values.shape, dtype)
    room[:, : values.shape[1]] = values
    return room


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n_numeric=st.integers(0, 3),
    n_categories=st.integers(0, 3),
    n_rows=st.integers(0, 150),
    with_texts=st.booleans(),
)
def test_rows_have_the_values_of_the_columns(seed, n_numeric, n_categories, n_rows, with_texts):
    rng = np.random.default_rng(seed)
    numeric = rng.integers(0, N_FEATURES, n_numeric).astype(np.int32)
    values = rng.normal(size=(n_numeric, n_rows)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    categories = rng.integers(-3, N_FEATURES, (n_categories, n_rows)).astype(np.int32)
    categories[categories < 0] = -1
    offsets = np.concatenate([[0], rng.integers(0, 4, n_rows) * with_texts]).cumsum()
    ragged = Ragged(
        offsets,
        rng.integers(0, N_FEATURES, offsets[-1]).astype(np.int32),
        rng.normal(size=offsets[-1]).astype(np.float32),
    )

    expected = [
        [
            *((numeric[k], values[k, i]) for k in range(n_numeric) if not np.isnan(values[k, i])),
            *((categories[k, i], 1) for k in range(n_categories) if categories[k, i] >= 0),
            *((ragged.indices[k], ragged.values[k]) for k in range(offsets[i], offsets[i + 1])),
        ]
        for i in range(n_rows)
    ]

    X = to_csr(
        numeric,
        columns(values, np.float32),
        columns(categories, np.int32),
        ragged if with_texts else None,
        n_rows=n_rows,
        n_features=N_FEATURES,
    )
    X.check_format(full_check=True)
    found = list(zip(X.indices.tolist(), X.data.tolist(), strict=True))
    assert [found[start:stop] for start, stop in pairwise(X.indptr)] == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_are_those_a_learner_takes(dtype):
    X = to_csr(
        np.array([5], np.int32),
        columns([[0.0, np.nan]], dtype),
        columns([[-1, 3]], np.int32),
        Ragged(np.array([0, 0, 1]), np.array([7], np.int32), np.array([0.25], np.float32)),
        n_rows=2,
        n_features=1 << 30,
    )
    assert (X.data.dtype, X.indices.dtype, X.indptr.dtype) == (dtype, np.int32, np.int32)
    assert X.indptr.tolist() == [0, 1, 3]
    assert X.indices.tolist() == [5, 3, 7]
    assert X.data.tolist() == [0.0, 1.0, 0.25]


@given(hnp.arrays(np.float32, (2, 5)))
def test_infinite_values_are_kept(values):
    numeric, no_categories = np.array([0, 1], np.int32), columns(np.empty((0, 5)), np.int32)
    X = to_csr(numeric, columns(values, np.float32), no_categories, n_rows=5, n_features=2)
    kept = ~np.isnan(values.T)
    np.testing.assert_array_equal(X.data, values.T[kept])


@pytest.mark.parametrize("n_rows", [0, 1, 1000, 16384, 16400])
@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_columns_do_not_begin_a_power_of_two_apart(n_rows, dtype):
    room = room_for_columns(3, n_rows, dtype)
    assert n_rows <= room.shape[1] < n_rows + 64
    assert room.strides[0] % 128 == 64
