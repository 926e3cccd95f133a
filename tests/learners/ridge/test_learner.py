"""Ridge over shards against scikit-learn's on the union."""

from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as ScikitRidge

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.ridge.gram import scatter_of
from petafit.learners.ridge.learner import Ridge
from petafit.store.arrays import StateDict
from tests.learners.cases import with_duplicates

N_FEATURES = 6


def drawn(seed: int, rows: int = 120, *, shift: float = 0.0) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, N_FEATURES)) + shift
    y = X @ random.normal(size=N_FEATURES) + random.normal(size=rows) + shift
    return X, y, random.uniform(0.1, 2.0, rows)


def summaries(
    found: Ridge, X: Any, y: np.ndarray, weight: Any, *, shards: int = 4
) -> list[StateDict]:
    """Of shards of two batches each."""
    parts = []
    for at in np.array_split(np.arange(len(y)), shards):
        halves = [
            Batch(X[half], y[half], None if weight is None else weight[half])
            for half in np.array_split(at, 2)
        ]
        parts.append(found.lift(reduce(found.reduce, halves, found.start())))
    return parts


def fitted(X: Any, y: np.ndarray, weight: Any = None, **params: Any) -> StateDict:
    found = Ridge(**params, n_features=X.shape[1])
    return found.finish(reduce(found.merge, summaries(found, X, y, weight)))


def reference(
    X: np.ndarray, y: np.ndarray, weight: Any = None, *, alpha: float, **params: Any
) -> Any:
    kind = ScikitRidge(alpha=alpha, solver="svd", **params) if alpha else LinearRegression(**params)
    return kind.fit(X, y, weight)


@pytest.mark.parametrize("alpha", [0, 1.0, 30.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=3, deadline=None)
def test_shards_equal_scikit_learn_on_their_union(
    alpha: float, fit_intercept: bool, weighted: bool, seed: int
) -> None:
    X, y, weight = drawn(seed)
    weight = weight if weighted else None
    expected = reference(X, y, weight, alpha=alpha, fit_intercept=fit_intercept)
    for rows in (X, csr_array(X)):
        found = fitted(rows, y, weight, alpha=alpha, fit_intercept=fit_intercept)
        np.testing.assert_allclose(found.arrays["coef"], expected.coef_, rtol=1e-9)
        np.testing.assert_allclose(
            found.arrays["intercept"], expected.intercept_, rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("alpha", [0, 1.0])
@pytest.mark.parametrize("sparse", [True, False])
def test_large_means_lose_nothing(alpha: float, sparse: bool) -> None:
    X, y, weight = drawn(1, shift=1e8)
    found = fitted(csr_array(X) if sparse else X, y, weight, alpha=alpha)
    expected = reference(X, y, weight, alpha=alpha)
    np.testing.assert_allclose(found.arrays["coef"], expected.coef_, rtol=1e-9)
    np.testing.assert_allclose(found.arrays["intercept"], expected.intercept_, rtol=1e-9)


def test_sparse_rows_need_not_be_held_densely() -> None:
    """Mostly empty columns, full ones, and indices held twice; a chunk of two rows at a time."""
    random = np.random.default_rng(2)
    X = random.integers(0, 4, (60, N_FEATURES)) * (random.random((60, N_FEATURES)) < 0.3)
    X[:, 0] = random.integers(5, 9, 60)
    X, (_, y, weight) = X.astype(np.float32), drawn(3, 60)
    rows = with_duplicates(X)
    assert not rows.has_canonical_format
    learner = Ridge(n_features=N_FEATURES, alpha=2.0)
    found = learner.finish(scatter_of(rows, y, weight, dense_numbers=8).to_state_dict())
    expected = reference(X.astype(np.float64), y, weight, alpha=2.0)
    np.testing.assert_allclose(found.arrays["coef"], expected.coef_, rtol=1e-9)
    predictions = learner.predict(found, rows)
    np.testing.assert_allclose(predictions, expected.predict(X.astype(np.float64)), rtol=1e-9)


@pytest.mark.parametrize("rows", [120, 4])
def test_undetermined_coefficients_have_the_least_norm(rows: int) -> None:
    """Columns that are sums of others, a constant one, an empty one; fewer rows than columns."""
    X, y, _ = drawn(4, rows)
    X = np.column_stack([X, X[:, 0] + X[:, 1], np.full(rows, 0.1), np.zeros(rows)])
    found = fitted(X, y, alpha=0)
    expected = reference(X, y, alpha=0)
    np.testing.assert_allclose(found.arrays["coef"], expected.coef_, rtol=1e-7, atol=1e-12)
    assert (found.arrays["coef"][-2:] == 0).all()


def test_units_do_not_matter() -> None:
    X, y, _ = drawn(5)
    units = np.array([1e9, 1e-9, 1.0, 1e6, 1e-6, 1.0])
    plain, scaled = (
        fitted(X, y, alpha=0).arrays["coef"],
        fitted(X * units, y, alpha=0).arrays["coef"],
    )
    np.testing.assert_allclose(scaled * units, plain, rtol=1e-9)


def test_a_constant_of_any_size_gets_no_coefficient() -> None:
    X, y, _ = drawn(6)
    X[:, 2] = 1e8 / 3
    assert fitted(X, y, alpha=0).arrays["coef"][2] == 0


def test_a_round_adds_its_rows_to_those_of_the_model() -> None:
    X, y, weight = drawn(7)
    first = fitted(X[:60], y[:60], weight[:60])
    found = Ridge(n_features=N_FEATURES)
    state = found.reduce(found.start(first), Batch(X[60:], y[60:], weight[60:]))
    second = found.finish(found.lift(state), first)
    np.testing.assert_allclose(
        second.arrays["coef"], reference(X, y, weight, alpha=1.0).coef_, rtol=1e-9
    )
    assert second.params["rows"] == 120


def test_a_shard_taken_out_leaves_the_fit_of_the_others() -> None:
    X, y, weight = drawn(8, shift=1e6)
    found = Ridge(n_features=N_FEATURES)
    parts = summaries(found, X, y, weight)
    rest = found.finish(found.unmerge(reduce(found.merge, parts), parts[0]))
    expected = reference(X[30:], y[30:], weight[30:], alpha=1.0)
    np.testing.assert_allclose(rest.arrays["coef"], expected.coef_, rtol=1e-9)


def test_interim_predictions_come_from_at_least_half_of_the_rows() -> None:
    X, y, _ = drawn(9)
    found, state, interim = Ridge(n_features=N_FEATURES), Ridge(n_features=N_FEATURES).start(), []
    for begin in range(0, 120, 20):
        state, predictions = found.progressive(
            state, Batch(X[begin : begin + 20], y[begin : begin + 20])
        )
        interim.append(None if state.interim is None else state.interim.params["rows"])
        assert (predictions is None) == (begin == 0)
    assert interim == [None, 20, 40, 40, 80, 80]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alpha": -1}, "alpha must be a number >= 0; got -1"),
        ({"alpha": "much"}, "alpha must be a number"),
        ({"fit_intercept": 1}, "fit_intercept must be true or false"),
        ({"n_features": 2**18}, r"at most 10,000 features; got 262,144.*OnlineLinearRegressor"),
    ],
)
def test_mistakes_are_named(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Ridge(**params)


def test_a_model_of_other_features_is_refused() -> None:
    X, y, _ = drawn(10)
    with pytest.raises(ConfigurationError, match="expected 7 coefficients; got 6"):
        Ridge(n_features=7).start(fitted(X, y))
