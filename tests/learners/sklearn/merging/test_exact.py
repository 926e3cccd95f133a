"""Classes that merge exactly, in 20 shards of the digits, against scikit-learn's `fit` on all."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from petafit.features.encoding.batch import Batch
from petafit.learners.sklearn.serialization import decode
from tests.learners.digits import N_FEATURES, SHARDS, batches, digits, fitted, learner, shards_of

KINDS = pytest.mark.parametrize("kind", ["dealt", "in runs", "by class"])
WEIGHTED = pytest.mark.parametrize("weighted", [False, True])


def merged(name: str, kind: str, *, weighted: bool = False, shift: float = 0.0) -> tuple[Any, ...]:
    """The merged estimator, and the rows it has seen."""
    X, y = digits()
    X = np.round(16 * X) + shift
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y)) if weighted else None
    params = {"n_components": N_FEATURES} if name == "IncrementalPCA" else {}
    found = learner(name, **params)
    at = np.argsort(y, kind="stable") if kind == "by class" else np.arange(len(y))
    shards = [
        batches(
            found, X[at[part]], y[at[part]], None if weight is None else weight[at[part]], rows=89
        )
        for part in shards_of(len(y), SHARDS, kind)
    ]
    return decode(fitted(found, shards)), X, y, weight


def assert_attributes(found: Any, expected: Any, *names: str, rtol: float = 1e-9) -> None:
    for name in names:
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=rtol, atol=1e-12, err_msg=name
        )


@KINDS
@WEIGHTED
@pytest.mark.parametrize("kind_of_bayes", [BernoulliNB, ComplementNB, MultinomialNB])
def test_counts(kind_of_bayes: Any, kind: str, weighted: bool) -> None:
    found, X, y, weight = merged(kind_of_bayes.__name__, kind, weighted=weighted)
    expected = kind_of_bayes().fit(X, y, weight)
    assert_attributes(found, expected, "class_count_", "feature_count_", "feature_log_prob_")
    assert_attributes(found, expected, "class_log_prior_")


@KINDS
@WEIGHTED
def test_categories(kind: str, weighted: bool) -> None:
    found, X, y, weight = merged("CategoricalNB", kind, weighted=weighted)
    expected = CategoricalNB().fit(X, y, weight)
    assert_attributes(found, expected, "class_count_", "n_categories_", "class_log_prior_")
    for ours, theirs in zip(found.feature_log_prob_, expected.feature_log_prob_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@KINDS
@WEIGHTED
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_gaussian_naive_bayes(kind: str, weighted: bool, shift: float) -> None:
    """scikit-learn's own `partial_fit` smooths by the last batch; this one as `fit` does.

    But for weights, which `fit` ignores there: a row of weight n is to be as good as n rows.
    """
    found, X, y, weight = merged("GaussianNB", kind, weighted=weighted, shift=shift)
    expected = GaussianNB().fit(X, y, weight)
    assert_attributes(found, expected, "class_count_", "theta_", "class_prior_")
    distance = X - np.average(X, axis=0, weights=weight)
    largest = np.average(distance**2, axis=0, weights=weight).max()
    assert found.epsilon_ == pytest.approx(1e-9 * largest, rel=1e-9 if not shift else 1e-6)
    variances = expected.var_ - expected.epsilon_ + found.epsilon_
    # A column that is constant in a class has the rounding of its mean as variance.
    np.testing.assert_allclose(found.var_, variances, rtol=1e-9, atol=1e-15 + 1e-16 * shift**1.5)


@KINDS
@WEIGHTED
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_standard_scaler(kind: str, weighted: bool, shift: float) -> None:
    found, X, _, weight = merged("StandardScaler", kind, weighted=weighted, shift=shift)
    varies = np.ptp(X, axis=0) > 0  # scikit-learn's own scale of a constant may be NaN here
    expected = StandardScaler().fit(X[:, varies], sample_weight=weight)
    np.testing.assert_allclose(found.n_samples_seen_, expected.n_samples_seen_)
    for name in ("mean_", "var_", "scale_"):
        ours, theirs = getattr(found, name)[varies], getattr(expected, name)
        # A mean of 1e6 is rounded to 1e-10, and variances with it.
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10 * (shift > 0), err_msg=name)
    assert (found.scale_[~varies] == 1).all()


@KINDS
@pytest.mark.parametrize("scaler", [MaxAbsScaler, MinMaxScaler])
def test_extremes_to_the_bit(scaler: Any, kind: str) -> None:
    found, X, _, _ = merged(scaler.__name__, kind)
    expected = scaler().fit(X.astype(learner(scaler.__name__).dtype))
    for name in {"scale_", "min_", "data_min_", "data_max_", "max_abs_"} & vars(expected).keys():
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.n_samples_seen_ == len(X)


@given(
    gaps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=8),
    places=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=30)
@pytest.mark.parametrize("scaler", [MaxAbsScaler, MinMaxScaler, StandardScaler])
def test_batches_without_values_in_a_column(
    scaler: Any, gaps: list[tuple[int, int]], places: list[int], dtype: str
) -> None:
    """Of six batches, in up to three shards, some have nothing but NaN in some columns."""
    X = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(dtype)
    X[0, :2, 0] = np.nan
    for batch, column in gaps:
        X[batch, :, column] = np.nan
    found = learner(scaler.__name__)
    shards = [[Batch(X[k], None) for k in range(6) if places[k] == shard] for shard in range(3)]
    merged, rows = decode(fitted(found, shards)), X.reshape(-1, 3)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice|invalid value|Degrees", RuntimeWarning)
        expected = scaler().fit(rows)
    known = ~np.isnan(rows).all(axis=0)
    for name in {"data_min_", "data_max_", "max_abs_", "scale_"} & vars(expected).keys():
        ours, theirs = getattr(merged, name)[known], getattr(expected, name)[known]
        if scaler is StandardScaler:
            np.testing.assert_allclose(ours, theirs, rtol=1e-6 if dtype == "float32" else 1e-9)
        else:
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
    if scaler is not StandardScaler:
        assert np.isnan(merged.scale_[~known]).all()


@KINDS
def test_all_components(kind: str) -> None:
    found, X, _, _ = merged("IncrementalPCA", kind)
    expected = PCA().fit(X)
    assert_attributes(found, expected, "mean_", "explained_variance_", "explained_variance_ratio_")
    sure = expected.explained_variance_ > 1e-3  # others are noise, in any direction
    np.testing.assert_allclose(
        np.abs(found.components_[sure]), np.abs(expected.components_[sure]), rtol=1e-7, atol=1e-9
    )
