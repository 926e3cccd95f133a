import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from petafit.features.batch import to_csr

N_FEATURES = 8


@settings(deadline=None)
@given(st.data(), st.integers(0, 3), st.integers(0, 3), st.integers(0, 150))
def test_rows_hold_what_the_columns_held(data, n_numeric, n_categories, n_rows):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    numeric = rng.integers(0, N_FEATURES, n_numeric).astype(np.int32)
    values = rng.normal(size=(n_numeric, n_rows)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    categories = rng.integers(-3, N_FEATURES, (n_categories, n_rows)).astype(np.int32)
    categories[categories < 0] = -1

    expected = np.zeros((n_rows, N_FEATURES))
    for k, i in np.argwhere(~np.isnan(values)):
        expected[i, numeric[k]] += values[k, i]
    for k, i in np.argwhere(categories >= 0):
        expected[i, categories[k, i]] += 1

    X = to_csr(numeric, values, categories, n_features=N_FEATURES)
    np.testing.assert_allclose(X.toarray(), expected, atol=1e-6)
    X.check_format(full_check=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_are_those_a_learner_takes(dtype):
    values = np.array([[0.0, np.nan]], dtype)
    X = to_csr(np.array([5], np.int32), values, np.array([[-1, 3]], np.int32), n_features=1 << 30)
    assert (X.data.dtype, X.indices.dtype, X.indptr.dtype) == (dtype, np.int32, np.int32)
    assert X.indptr.tolist() == [0, 1, 2]
    assert X.indices.tolist() == [5, 3]
    assert X.data.tolist() == [0.0, 1.0]


@given(hnp.arrays(np.float32, (2, 5)))
def test_infinite_values_are_kept(values):
    X = to_csr(np.array([0, 1], np.int32), values, np.empty((0, 5), np.int32), n_features=2)
    kept = ~np.isnan(values.T)
    np.testing.assert_array_equal(X.data, values.T[kept])
