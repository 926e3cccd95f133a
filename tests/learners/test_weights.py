"""Weights mean the same to every learner: n is n rows, 0 is none."""

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.learners.online.merging.summaries import merge, unmerge
from petafit.store.arrays import StateDict
from tests.learners.cases import CASES, Case
from tests.learners.fitting import merged, model_of, summary

pytestmark = pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")

every_case = pytest.mark.parametrize("case", CASES, ids=str)
one_draw = settings(max_examples=1, deadline=None)
seeds = st.integers(0, 2**32 - 1)

BY_STEPS = "learns by steps: one of a row of weight 2 is not two of one row"
FROM_ITS_FIRST_ROWS = "begins from the first rows, of which there are others then"
EXEMPT: Mapping[str, str] = {
    "petafit.FactorizationMachineClassifier": BY_STEPS,
    "petafit.FactorizationMachineRegressor": BY_STEPS,
    "petafit.OnlineLinearClassifier": BY_STEPS,
    "petafit.OnlineLinearRegressor": BY_STEPS,
    "sklearn.MLPClassifier": BY_STEPS,
    "sklearn.MLPRegressor": BY_STEPS,
    "sklearn.MiniBatchKMeans": FROM_ITS_FIRST_ROWS,
    "sklearn.MultiOutputRegressor": BY_STEPS,
    "sklearn.Perceptron": BY_STEPS,
    "sklearn.SGDClassifier": BY_STEPS,
    "sklearn.SGDOneClassSVM": BY_STEPS,
    "sklearn.SGDRegressor": BY_STEPS,
}
"""Learners to which a row of weight n is not n rows, and why."""


def rows_of(batch: Batch, places: np.ndarray) -> Batch:
    weight = None if batch.weight is None else batch.weight[places]
    return Batch(batch.X[places], batch.y[places], weight)


def with_silent_rows(batch: Batch, out: np.ndarray) -> Batch:
    """The batch, in which some rows are far off and weigh nothing."""
    X = batch.X.copy()
    if isinstance(X, np.ndarray):
        X[out] = X[out] * 1000 + 7
    else:
        X.data[np.repeat(out, np.diff(X.indptr))] *= 1000
    weight = np.ones(len(out)) if batch.weight is None else batch.weight
    return replace(batch, X=X, weight=np.where(out, 0.0, weight))


def assert_same(found: StateDict, expected: StateDict, case: Case) -> None:
    """Up to the order of sums; what counts rows may be a float where they have weights."""
    assert found.arrays.keys() == expected.arrays.keys()
    exact = case.learner.exact or case.learner.dtype == "float64"
    for name, array in found.arrays.items():
        other, limits = expected.arrays[name], {"rtol": 1e-9, "atol": 1e-12}
        if not exact and np.float32 in (array.dtype, other.dtype):
            limits = {"rtol": 1e-3, "atol": 1e-5}
        np.testing.assert_allclose(array, other, err_msg=name, **limits)


@every_case
@one_draw
@given(seed=seeds)
def test_rows_without_weight_are_as_if_left_out(case: Case, seed: int) -> None:
    """In whatever shard, and beside rows that have weight."""
    learner, random = case.learner, np.random.default_rng(seed)
    for weighted in {False, case.weighted}:
        batches = case.batches(seed, count=3, weighted=weighted)
        out = [random.random(batch.X.shape[0]) < 0.3 for batch in batches]
        silent = [with_silent_rows(*each) for each in zip(batches, out, strict=True)]
        left = [rows_of(b, np.flatnonzero(~gone)) for b, gone in zip(batches, out, strict=True)]
        for make in (model_of, merged):
            assert_same(make(learner, silent), make(learner, left), case)


@every_case
@one_draw
@given(seed=seeds)
def test_a_row_of_weight_n_is_n_rows(case: Case, seed: int) -> None:
    learner, random = case.learner, np.random.default_rng(seed)
    batches = case.batches(seed, count=3)
    times = [random.integers(0, 3, batch.X.shape[0]) for batch in batches]
    weighted = [replace(b, weight=n.astype(float)) for b, n in zip(batches, times, strict=True)]
    if not case.weighted:
        with pytest.raises(ConfigurationError, match="takes no weights"):
            model_of(learner, weighted)
        return
    repeated = [
        rows_of(b, np.repeat(np.arange(len(n)), n)) for b, n in zip(batches, times, strict=True)
    ]
    for make in (model_of, merged):
        found, expected = make(learner, weighted), make(learner, repeated)
        if case.name in EXEMPT:
            assert found != expected
        else:
            assert_same(found, expected, case)


def test_only_learners_by_steps_are_exempt() -> None:
    approximate = {case.name for case in CASES if case.weighted and not case.learner.exact}
    assert {*EXEMPT} == approximate


BY_WEIGHT = [
    (Case("sklearn.SGDClassifier", {"loss": "log_loss"}, merge="mean"), "coef_"),
    (Case("sklearn.SGDRegressor", n_classes=None, merge="mean"), "coef_"),
    (Case("sklearn.SGDOneClassSVM"), "coef_"),
    (Case("sklearn.MLPRegressor", {"hidden_layer_sizes": [3]}, n_classes=None), "coefs_.0"),
    (Case("sklearn.SGDClassifier", {"loss": "log_loss"}, merge="touched"), "intercept_"),
    (Case("petafit.OnlineLinearClassifier"), "weights"),
    (Case("petafit.FactorizationMachineRegressor", n_classes=None), "weights"),
]


@pytest.mark.parametrize(("case", "name"), BY_WEIGHT, ids=str)
def test_shards_count_by_the_weight_of_their_rows(case: Case, name: str) -> None:
    learner = case.learner
    first, second = (
        replace(batch, weight=np.full(30, share))
        for batch, share in zip(case.batches(1, count=2), (0.5, 1.5), strict=True)
    )
    one, other, both = (
        _array(make, name)
        for make in (
            model_of(learner, [first]),
            model_of(learner, [second]),
            merged(learner, [first, second]),
        )
    )
    if name == "weights":  # other coordinates merge by their evidence
        one, other, both = one[-1, :1], other[-1, :1], both[-1, :1]
    np.testing.assert_allclose(both, 0.25 * one + 0.75 * other, rtol=1e-5)


def _array(model: StateDict, name: str) -> np.ndarray:
    (found,) = (a for key, a in model.arrays.items() if f".{key}".endswith(f".{name}"))
    return found


def test_summaries_of_earlier_versions_count_by_their_rows() -> None:
    learner = next(c for c in CASES if c.name == "petafit.OnlineLinearClassifier").learner
    case = Case("petafit.OnlineLinearClassifier", merge="evidence")
    shards = [summary(learner, [batch]) for batch in case.batches(0, count=3)]
    old = [_without_weight(shard) for shard in shards]
    ours, theirs = learner.finish(fold(merge, shards)), learner.finish(fold(merge, old))
    assert ours == theirs
    total = fold(merge, [_without_weight(summary(learner, [b])) for b in case.batches(0, count=3)])
    assert unmerge(total, old[2]).params["weight"] == 60


def _without_weight(shard: StateDict) -> StateDict:
    return StateDict(shard.arrays, {k: v for k, v in shard.params.items() if k != "weight"})


@pytest.mark.parametrize("kind", [OnlineLinearClassifier, OnlineLinearRegressor])
def test_fit_and_partial_fit_leave_rows_without_weight_out(kind: Any) -> None:
    random = np.random.default_rng(0)
    X, weight = random.normal(size=(60, 3)), random.integers(0, 3, 60).astype(float)
    y = (X[:, 0] > 0).astype(float)
    X[weight == 0] *= 1000
    if kind is OnlineLinearRegressor:
        y[weight == 0] = 1e6
    kept = weight > 0
    for method in ("fit", "partial_fit"):
        given = (
            {"classes": [0, 1]} if (kind, method) == (OnlineLinearClassifier, "partial_fit") else {}
        )
        silent = getattr(kind(random_state=0), method)(X, y, sample_weight=weight, **given)
        left = getattr(kind(random_state=0), method)(
            X[kept], y[kept], sample_weight=weight[kept], **given
        )
        np.testing.assert_array_equal(silent.coef_, left.coef_)


def test_balanced_classes_are_balanced_by_weight() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(50, 2)), random.integers(0, 2, 50)
    times = np.where(y == 1, 3, 1)
    weights = OnlineLinearClassifier(class_weight="balanced")
    weights.fit(X, y, sample_weight=times.astype(float))
    _, counts = np.unique(np.repeat(y, times), return_counts=True)
    target = weights._target(y.astype(float), times.astype(float))
    np.testing.assert_allclose(target.class_weight, counts.sum() / (2 * counts))


def test_balanced_classes_are_balanced_by_weight_in_parts_too() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(4000, 2)), random.integers(0, 2, 4000)
    times = np.where(y == 1, 3, 1)
    weighted, repeated = (OnlineLinearClassifier(class_weight="balanced") for _ in range(2))
    weighted.partial_fit(X, y, [0, 1], sample_weight=times.astype(float))
    repeated.partial_fit(np.repeat(X, times, axis=0), np.repeat(y, times), [0, 1])
    np.testing.assert_array_equal(weighted.memory_.seen, repeated.memory_.seen)
    shares = [np.mean(model.predict_proba(X)[:, 1]) for model in (weighted, repeated)]
    np.testing.assert_allclose(shares, 0.5, atol=0.05)
