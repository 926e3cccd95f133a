"""Merge rules against formulas written the other way round."""

from functools import reduce as fold

import numpy as np
import pytest

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner, online_estimator
from petafit.learners.online.linear.estimators import OnlineLinearClassifier
from petafit.learners.online.merging.rules import (
    ByColumn,
    Evidence,
    Knowledge,
    Mean,
    find_rule,
    merged_squared_gradients,
    merged_weights,
)
from petafit.learners.online.merging.shard_summary import shard_numbers
from petafit.learners.online.merging.summaries import Sums, merge
from petafit.store.arrays import StateDict
from tests.learners.cases import statistics_of
from tests.learners.online.merging.cases import SHARDS, START, STARTED, clicks, sums


def test_mean_is_the_mean_of_the_shards() -> None:
    merged = merged_weights(Mean(), sums(), *STARTED)
    np.testing.assert_allclose(merged[:3], np.mean(SHARDS, axis=0)[:3, 0], rtol=1e-7)


def test_evidence_moves_by_weighted_deltas() -> None:
    """The same as ``w0 + sum (G_k + prior) dw_k / (sum G_k + prior)`` over the shards' deltas."""
    prior = 3.0
    deltas = np.array([table - START for table in SHARDS], np.float64)
    moves, evidence = deltas[:, :, 0], deltas[:, :, 1]
    expected = START[:, 0] + ((evidence + prior) * moves).sum(0) / (evidence.sum(0) + prior)
    merged = merged_weights(Evidence(prior), sums(), *STARTED)
    np.testing.assert_allclose(merged[:3], expected[:3], rtol=1e-6)


def test_knowledge_is_the_mean_weighted_by_all_squared_gradients() -> None:
    tables = np.array(SHARDS, np.float64)
    expected = np.average(tables[:, [0, 2], 0], axis=0, weights=tables[:, [0, 2], 1])
    merged = merged_weights(Knowledge(), sums(), *STARTED)
    np.testing.assert_allclose(merged[[0, 2]], expected, rtol=1e-6)


def test_evidence_of_0_gives_the_mean() -> None:
    """Gradients so small that their squares are 0."""
    shards = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 0.0], [0.0, 0.0]])
    start = np.zeros((2, 2, 1))
    parts = [
        shard_numbers(
            weights=table[:, :1],
            moved=table[:, :1] != 0,
            squares=table[:, 1:],
            before=start[:, 1],
            seen=np.ones(1),
            rows=1,
        )
        for table in shards
    ]
    merged = merged_weights(
        Knowledge(), Sums.from_state_dict(merge(*parts)), start[:, 0], start[:, 1]
    )
    np.testing.assert_allclose(merged[0], 2.0)


def test_the_first_weight_may_have_a_rule_of_its_own() -> None:
    one = vars(sums())
    both = Sums(**{n: np.hstack([v] * 2) if np.ndim(v) == 2 else v for n, v in one.items()})
    start = np.hstack([START[:, 0]] * 2), np.hstack([START[:, 1]] * 2)
    merged = ByColumn(Mean(), Evidence()).combine(both, *start)
    np.testing.assert_array_equal(merged[:, :1], Mean().combine(sums(), *STARTED))
    np.testing.assert_array_equal(merged[:, 1:], Evidence().combine(sums(), *STARTED))


def test_the_intercept_is_weighted_by_rows() -> None:
    for rule in (Mean(), Evidence(), Knowledge()):
        merged = merged_weights(rule, sums(), *STARTED)
        assert merged[-1] == pytest.approx((10 * 0.5 + 30 * -0.1) / 40)


def test_a_coordinate_only_one_shard_moved_keeps_that_shards_weight() -> None:
    assert merged_weights(Evidence(), sums(), *STARTED)[1] == -3.0


def test_squared_gradients_grow_by_the_evidence_weighted_mean() -> None:
    expected = [2 + (1 * 1 + 5 * 5) / 6, 2.0, 1.0, 3 + (1 * 1 + 6 * 6) / 7]
    found = merged_squared_gradients(sums(), START[:, 1])
    np.testing.assert_allclose(found[:, 0], expected)


def test_unknown_rules_are_refused_and_auto_is_evidence() -> None:
    assert find_rule("auto") == find_rule("evidence") == Evidence(3.0)
    with pytest.raises(ConfigurationError, match="Did you mean 'evidence'"):
        find_rule("evidense")


def learner(merge: str, **params: object) -> OnlineLearner:
    estimator = online_estimator(OnlineLinearClassifier, params)
    return OnlineLearner(estimator, n_features=320, statistics=statistics_of(2), merge=merge)


def loss_of_rounds(learner: OnlineLearner, *, shards: int, rounds: int) -> float:
    batch, held_out, model = clicks(16_000), clicks(10_000, seed=1), None
    for _ in range(rounds):
        parts = [
            learner.lift(
                learner.reduce(learner.start(model), Batch(batch.X[k::shards], batch.y[k::shards]))
            )
            for k in range(shards)
        ]
        model = learner.finish(fold(learner.merge, parts), model)
    predictions = np.clip(learner.predict(model or StateDict(), held_out.X), 1e-7, 1 - 1e-7)
    truth = np.where(held_out.y == 1, predictions, 1 - predictions)
    return float(-np.log(truth).mean())


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
def test_evidence_beats_the_mean_and_rounds_help(optimizer: str) -> None:
    mean, evidence = (learner(rule, optimizer=optimizer) for rule in ("mean", "evidence"))
    sequential = loss_of_rounds(mean, shards=1, rounds=1)
    once, thrice = (loss_of_rounds(evidence, shards=8, rounds=rounds) for rounds in (1, 3))
    assert sequential < thrice < once
    assert once < loss_of_rounds(mean, shards=8, rounds=1)
    assert thrice < loss_of_rounds(mean, shards=8, rounds=3)


def test_ftrl_shards_of_the_same_rows_merge_to_the_same_weights() -> None:
    """Adding up z and n instead would make them larger by about the root of the shards' number."""
    ftrl = learner("mean", optimizer="ftrl", l1=0.5, l2=0.1)
    part = ftrl.lift(ftrl.reduce(ftrl.start(), clicks(2_000)))
    one = ftrl.finish(part)
    four = ftrl.finish(fold(ftrl.merge, [part] * 4))
    np.testing.assert_allclose(four.arrays["weights"], one.arrays["weights"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        four.arrays["squared_gradients"], one.arrays["squared_gradients"], rtol=1e-6
    )
