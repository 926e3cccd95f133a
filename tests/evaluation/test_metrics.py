"""Metrics against scikit-learn's, and the laws of merging."""

from functools import reduce as fold
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from petafit.errors import ConfigurationError, EmptyInputError
from petafit.evaluation.classification import ClassificationMetrics
from petafit.evaluation.evaluate import metrics_for
from petafit.evaluation.metrics import Figures, Metrics, Scored
from petafit.evaluation.regression import RegressionMetrics
from petafit.learners.objective import (
    HINGE_LOSS,
    POISSON_DEVIANCE,
    SQUARED_HINGE_LOSS,
    Objective,
)
from petafit.store.arrays import StateDict, from_bytes, to_bytes

KINDS: dict[str, Metrics] = {
    "two classes": ClassificationMetrics(),
    "margins": ClassificationMetrics(output="margin"),
    "three classes": ClassificationMetrics(3),
    "hinge": ClassificationMetrics(output="margin", objective=HINGE_LOSS),
    "hinge of three": ClassificationMetrics(3, "margin", SQUARED_HINGE_LOSS),
    "numbers": RegressionMetrics(),
    "quantile": RegressionMetrics(Objective("pinball_loss", 0.9)),
    "poisson": RegressionMetrics(POISSON_DEVIANCE),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def scored(kind: str, seed: int, n_rows: int = 200) -> Scored:
    """Rows with integer weights."""
    random = np.random.default_rng(seed)
    weight = random.integers(1, 4, n_rows).astype(np.float64)
    margin = random.normal(-1, 2, n_rows)
    if kind == "poisson":
        return Scored(random.poisson(3.0, n_rows).astype(float), np.exp(margin / 4), weight)
    if kind == "hinge of three":
        y = random.integers(0, 3, n_rows).astype(float)
        return Scored(y, random.normal(size=(n_rows, 3)), weight)
    if kind in ("numbers", "quantile"):
        return Scored(1e6 + margin, 1e6 + random.normal(-1, 2, n_rows), weight)
    if kind == "three classes":
        return Scored(
            random.integers(0, 3, n_rows).astype(float),
            random.dirichlet([1, 1, 1], n_rows),
            weight,
        )
    probability = 1 / (1 + np.exp(-margin))
    y = (random.random(n_rows) < probability).astype(np.float64)
    y[:2] = 0, 1
    return Scored(y, margin if kind in ("margins", "hinge") else probability, weight)


def parts(batch: Scored, cuts: list[int]) -> list[Scored]:
    bounds = [0, *sorted(cuts), len(batch.y)]
    return [
        Scored(*(getattr(batch, name)[a:b] for name in ("y", "prediction", "weight")))
        for a, b in pairwise(bounds)
    ]


def summary(metrics: Metrics, batches: list[Scored]) -> StateDict:
    return metrics.lift(fold(metrics.reduce, batches, metrics.start()))


def figures(metrics: Metrics, *batches: Scored) -> Figures:
    return metrics.finish(summary(metrics, list(batches)))


def assert_same(left: Figures, right: Figures) -> None:
    assert left == {name: pytest.approx(value, rel=1e-9) for name, value in right.items()}


@quick
@given(seed=seeds)
def test_two_classes_are_measured_as_scikit_learn_does(seed: int) -> None:
    batch = scored("two classes", seed)
    y, p, weight = batch.y, batch.prediction, batch.weight
    found = figures(KINDS["two classes"], batch)
    area, error = found["auc"], found["auc_error"]
    assert area is not None and error is not None  # noqa: PT018
    assert abs(area - reference.roc_auc_score(y, p, sample_weight=weight)) <= error + 1e-12
    assert error < 0.002
    assert_same(
        {name: found[name] for name in ("log_loss", "accuracy", "base_log_loss")},
        {
            "log_loss": reference.log_loss(y, p, sample_weight=weight),
            "accuracy": reference.accuracy_score(y, p > 0.5, sample_weight=weight),
            "base_log_loss": reference.log_loss(
                y, np.full(len(y), np.average(y, weights=weight)), sample_weight=weight
            ),
        },
    )


@quick
@given(seed=seeds)
def test_more_classes_are_measured_as_scikit_learn_does(seed: int) -> None:
    batch = scored("three classes", seed)
    y, p, weight = batch.y, batch.prediction, batch.weight
    found = figures(KINDS["three classes"], batch)
    assert "auc" not in found
    assert found["log_loss"] == pytest.approx(
        reference.log_loss(y, p, sample_weight=weight, labels=[0, 1, 2])
    )
    assert found["accuracy"] == pytest.approx(
        reference.accuracy_score(y, p.argmax(axis=1), sample_weight=weight)
    )


@quick
@given(seed=seeds)
def test_margins_have_accuracy_and_auc_only(seed: int) -> None:
    batch = scored("margins", seed)
    found = figures(KINDS["margins"], batch)
    area, error = found.pop("auc"), found.pop("auc_error")
    exact = reference.roc_auc_score(batch.y, batch.prediction, sample_weight=batch.weight)
    assert area is not None and error is not None  # noqa: PT018
    assert abs(area - exact) <= error + 1e-12
    accuracy = reference.accuracy_score(batch.y, batch.prediction > 0, sample_weight=batch.weight)
    assert found.pop("accuracy") == pytest.approx(accuracy)
    assert found == dict.fromkeys(("log_loss", "calibration_error", "base_log_loss"))


@quick
@given(seed=seeds)
def test_numbers_are_measured_as_scikit_learn_does(seed: int) -> None:
    batch = scored("numbers", seed)
    arguments = {
        "y_true": batch.y,
        "y_pred": batch.prediction,
        "sample_weight": batch.weight,
    }
    assert_same(
        figures(KINDS["numbers"], *parts(batch, [50, 120])),
        {
            "mean_squared_error": reference.mean_squared_error(**arguments),
            "mean_absolute_error": reference.mean_absolute_error(**arguments),
            "r2": reference.r2_score(**arguments),
        },
    )


@every_kind
@quick
@given(seed=seeds, cuts=st.lists(st.integers(0, 200), max_size=4), data=st.data())
def test_shards_in_any_order_equal_their_union(
    kind: str, seed: int, cuts: list[int], data: Any
) -> None:
    metrics, batch = KINDS[kind], scored(kind, seed)
    shards = [summary(metrics, [part]) for part in data.draw(st.permutations(parts(batch, cuts)))]
    empty = metrics.lift(metrics.start())
    whole = summary(metrics, [batch])
    assert_same(metrics.finish(fold(metrics.merge, shards)), metrics.finish(whole))
    assert metrics.merge(whole, empty) == metrics.merge(empty, whole) == whole
    if len(shards) > 2:
        left = metrics.merge(metrics.merge(shards[0], shards[1]), shards[2])
        right = metrics.merge(shards[0], metrics.merge(shards[1], shards[2]))
        for name, array in left.arrays.items():
            np.testing.assert_allclose(array, right.arrays[name], rtol=1e-9, atol=1e-9)


@every_kind
@quick
@given(seed=seeds)
def test_integer_weights_count_as_repeated_rows(kind: str, seed: int) -> None:
    metrics, batch = KINDS[kind], scored(kind, seed)
    assert batch.weight is not None
    times = batch.weight.astype(int)
    repeated = Scored(np.repeat(batch.y, times), np.repeat(batch.prediction, times, axis=0))
    assert_same(figures(metrics, batch), figures(metrics, repeated))


@every_kind
@quick
@given(seed=seeds)
def test_rows_without_weight_are_as_if_left_out(kind: str, seed: int) -> None:
    """Whatever they hold, to the bit."""
    metrics, batch = KINDS[kind], scored(kind, seed)
    assert batch.weight is not None
    out = np.random.default_rng(seed).random(200) < 0.3
    left = Scored(batch.y[~out], batch.prediction[~out], batch.weight[~out])
    prediction = batch.prediction.copy()
    prediction[out] = np.nan
    silent = Scored(batch.y, prediction, np.where(out, 0.0, batch.weight))
    assert summary(metrics, [silent]) == summary(metrics, [left])


@pytest.mark.parametrize("kind", ["two classes", "margins", "three classes", "hinge of three"])
def test_given_decisions_determine_the_accuracy(kind: str) -> None:
    metrics, batch = KINDS[kind], scored(kind, 0)
    assert batch.weight is not None
    ones = np.ones(200, np.intp)
    decided = figures(metrics, Scored(batch.y, batch.prediction, batch.weight, ones))
    assert decided["accuracy"] == pytest.approx(np.average(batch.y == 1, weights=batch.weight))
    for name, value in figures(metrics, batch).items():
        assert decided[name] == value or name == "accuracy"


@every_kind
def test_a_stored_state_continues_to_the_same_bytes(kind: str) -> None:
    metrics, (first, second) = KINDS[kind], parts(scored(kind, 0), [90])
    state = metrics.reduce(metrics.start(), first)
    restored = metrics.load(from_bytes(to_bytes(metrics.dump(state))))
    assert to_bytes(metrics.reduce(restored, second)) == to_bytes(metrics.reduce(state, second))


@every_kind
def test_no_rows_are_an_error(kind: str) -> None:
    metrics, batch = KINDS[kind], scored(kind, 0)
    assert metrics.progress(metrics.start()) is None
    with pytest.raises(EmptyInputError):
        figures(metrics)
    with pytest.raises(EmptyInputError):
        figures(metrics, Scored(batch.y, batch.prediction, np.zeros(200)))


@every_kind
def test_progress_is_the_running_loss(kind: str) -> None:
    metrics = KINDS[kind]
    state = metrics.reduce(metrics.start(), scored(kind, 0))
    assert metrics.progress(state) == metrics.loss(metrics.finish(state))


@every_kind
@pytest.mark.parametrize("weighted", [True, False])
def test_the_mean_of_the_rows_losses_is_the_loss(kind: str, weighted: bool) -> None:
    metrics, batch = KINDS[kind], scored(kind, 0)
    batch = batch if weighted else Scored(batch.y, batch.prediction)
    found, losses = figures(metrics, batch), metrics.row_losses(batch)
    assert losses.shape == (200,)
    mean = np.average(losses, weights=batch.weights)
    assert mean == pytest.approx(metrics.loss(found), rel=1e-9)
    assert metrics.loss_name == "error_rate" or found[metrics.loss_name] == metrics.loss(found)


@every_kind
def test_predictions_that_are_no_numbers_are_refused(kind: str) -> None:
    metrics, batch = KINDS[kind], scored(kind, 0)
    batch.prediction[3] = np.nan
    with pytest.raises(ConfigurationError, match="diverged"):
        metrics.reduce(metrics.start(), batch)


def test_one_class_alone_has_no_auc() -> None:
    found = figures(KINDS["two classes"], Scored(np.ones(3), np.array([0.2, 0.5, 0.9])))
    assert found["auc"] is None
    assert found["auc_error"] is None
    assert found["base_log_loss"] == 0


def test_the_loss_of_a_certain_mistake_is_that_of_float32() -> None:
    found = figures(KINDS["two classes"], Scored(np.array([1.0, 0.0]), np.array([0.0, 1.0])))
    assert found["log_loss"] == pytest.approx(-np.log(np.finfo(np.float32).eps))
    assert found["auc"] == 0


def test_equal_labels_have_no_r2() -> None:
    found = figures(KINDS["numbers"], Scored(np.full(3, 0.1), np.zeros(3)))
    assert found["r2"] is None


def test_metrics_for_a_label() -> None:
    assert isinstance(metrics_for("number"), RegressionMetrics)
    two, three = metrics_for("classes"), metrics_for("classes", n_classes=3, output="margin")
    assert isinstance(two, ClassificationMetrics)
    assert isinstance(three, ClassificationMetrics)
    assert (two.n_classes, two.probable, three.n_classes, three.probable) == (2, True, 3, False)


@pytest.mark.parametrize("kind", ["two classes", "margins"])
def test_the_summary_of_few_rows_is_small(kind: str) -> None:
    metrics = KINDS[kind]
    few, more = (summary(metrics, [scored(kind, seed=3, n_rows=rows)]) for rows in (200, 2_000))
    assert len(to_bytes(few)) < 10_000
    one, other = metrics.merge(metrics.merge(few, more), more), metrics.merge(few, more)
    assert len(to_bytes(one)) < 50_000
    assert_same(metrics.finish(one), metrics.finish(metrics.merge(other, more)))
