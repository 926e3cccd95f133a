"""What the merge rules make of shards, against formulas written the other way round."""

from functools import reduce as fold

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner, online_estimator
from petafit.learners.online.linear.estimators import OnlineLinearClassifier
from petafit.learners.online.merging.accumulate import Sums
from petafit.learners.online.merging.merge_summaries import merge, unmerge
from petafit.learners.online.merging.rules import (
    ByColumn,
    Evidence,
    Knowledge,
    Mean,
    find_rule,
    merged_squared_gradients,
    merged_weights,
)
from petafit.learners.online.merging.shard_summary import moved_coordinates, shard_numbers
from petafit.store.arrays import StateDict
from tests.learners.cases import statistics_of

START = np.array([[0.5, 2.0], [-1.0, 0.0], [0.2, 1.0], [0.0, 3.0]], np.float32)[..., None]
"""Two numbers, w0 and G0, of three features and the intercept, of one output."""

SHARDS = [
    np.array([[0.7, 3.0], [-1.0, 0.0], [0.2, 1.0], [0.5, 4.0]], np.float32)[..., None],
    np.array([[0.1, 7.0], [-3.0, 2.0], [0.2, 1.0], [-0.1, 9.0]], np.float32)[..., None],
]
ROWS = [10, 30]
STARTED = START[:, 0], START[:, 1]


def sums() -> Sums:
    parts = (
        shard_numbers(
            weights=table[:, 0],
            moved=(table != START).any(axis=1),
            squares=table[:, 1],
            before=START[:, 1],
            seen=np.array([float(rows)]),
            rows=rows,
        )
        for table, rows in zip(SHARDS, ROWS, strict=True)
    )
    return Sums.from_state_dict(fold(merge, parts))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
@given(seed=st.integers(0, 2**32 - 1), kept=st.lists(st.integers(0, 40), min_size=4, max_size=4))
@settings(max_examples=20, deadline=None)
def test_shards_add_up_to_the_sums_of_each(
    shared: bool, optimizer: str, seed: int, kept: list[int]
) -> None:
    """Shards of few or many of 40 coordinates, with evidence for each of two outputs or for both.

    The sums of each alone are made another way than those of several.
    """
    random = np.random.default_rng(seed)

    def shard(most: int) -> StateDict:
        shape = (40, 1 if shared else 2)
        moved = (random.random(shape) < 0.9) & (random.permutation(40) < most)[:, None]
        return shard_numbers(
            weights=random.normal(size=(40, 2)).astype(np.float32),
            moved=moved,
            squares=np.where(moved, random.random(shape), 0).astype(np.float32),
            before=np.zeros(shape, np.float32),
            seen=np.ones(1),
            rows=3,
            z=random.normal(size=(40, 2)).astype(np.float32) if optimizer == "ftrl" else None,
        )

    shards = [shard(most) for most in kept]
    alone = [whole(Sums.from_state_dict(each)) for each in shards]
    together = whole(Sums.from_state_dict(fold(merge, shards)))
    by_twos = whole(Sums.from_state_dict(merge(merge(*shards[:2]), merge(*shards[2:]))))
    assert together.keys() == alone[0].keys()
    for name, found in together.items():
        expected = np.sum([of_one[name] for of_one in alone], axis=0)
        for merged in (found, by_twos[name]):
            np.testing.assert_allclose(merged, expected, rtol=1e-12, atol=1e-12, err_msg=name)


def whole(sums: Sums) -> dict[str, np.ndarray]:
    """Its matrices over all 40 coordinates."""
    matrices = {name: value for name, value in vars(sums).items() if np.ndim(value) == 2}
    return {n: sums.put(v, into=np.zeros((40, v.shape[1]))) for n, v in matrices.items()}


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


def test_knowledge_without_any_is_the_mean() -> None:
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


def clicks(n_rows: int, seed: int = 0) -> Batch:
    """One-hot rows: 8 fields of 40 values with popularity 1/rank, log-odds normal by value."""
    random, effects = np.random.default_rng(seed), np.random.default_rng(99)
    values = (40 ** random.random((n_rows, 8))).astype(np.int64)
    margins = effects.normal(size=(8, 40), scale=0.7)[np.arange(8), values].sum(axis=1) - 1
    y = (random.random(n_rows) < 1 / (1 + np.exp(-margins))).astype(np.float64)
    indices = (values + 40 * np.arange(8)).ravel()
    rows = (np.ones(indices.size, np.float32), indices, np.arange(0, indices.size + 1, 8))
    return Batch(csr_array(rows, shape=(n_rows, 320)), y)


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


def shard_of(random: np.random.Generator, *, features: int = 40, moved: int = 12) -> StateDict:
    """A shard that moved some coordinates, from nothing."""
    table = np.zeros((features + 1, 2, 1), np.float32)
    at = np.append(random.choice(features, moved, replace=False), features)
    table[at, 0, 0], table[at, 1, 0] = random.normal(size=(2, moved + 1))
    table[:, 1] **= 2
    return shard_numbers(
        weights=table[:, 0],
        moved=(table != 0).any(axis=1),
        squares=table[:, 1],
        before=np.zeros_like(table[:, 0]),
        seen=np.array([7.0]),
        rows=int(random.integers(1, 9)),
    )


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("share", [0.1, 0.9, 1.0])
def test_sums_do_not_depend_on_how_a_shard_tells_its_numbers(share: float, outputs: int) -> None:
    """Few moved coordinates go by an index, most by flags, all by neither."""
    random = np.random.default_rng(2)
    w, G, z = random.normal(size=(3, 201, outputs)).astype(np.float32)
    moved = np.broadcast_to(random.random((201, 1)) < share, w.shape)
    told = shard_numbers(
        weights=w,
        moved=moved,
        squares=np.where(moved, G**2, 0),
        before=np.zeros_like(G),
        seen=np.ones(1),
        rows=5,
        z=z,
    )
    assert ("index" in told.arrays, "moved" in told.arrays) == (share < 0.5, 0.5 < share < 1)
    sums, nothing = Sums.from_state_dict(told), np.zeros(w.shape)
    own, seen = np.where(moved, w.astype(np.float64), 0), np.where(moved, G**2, 0).astype(float)
    for name, expected in {
        "count": moved,
        "weights": own,
        "evidence": seen,
        "evidence_squared": seen**2,
        "evidence_weights": seen * own,
        "z": np.where(moved, z, 0),
    }.items():
        np.testing.assert_array_equal(sums.put(getattr(sums, name), into=nothing), expected)
    assert moved_coordinates(told).tolist() == np.flatnonzero(moved[:, 0]).tolist()


def test_what_is_left_of_evidence_is_the_formula_of_leaving_one_out() -> None:
    """``(A + prior B - (G_k + prior) w_k) / (S - G_k + prior)``, from dense numbers of each."""
    random = np.random.default_rng(0)
    shards, prior = [shard_of(random) for _ in range(5)], 3.0
    total = fold(merge, shards)
    G, w, moved = np.zeros((3, 5, 41))
    for own, evidence, weights, count in zip(shards, G, w, moved, strict=True):
        at = own.arrays["index"]
        evidence[at], weights[at] = own.arrays["evidence"][:, 0], own.arrays["weights"][:, 0]
        count[at] = 1
    nothing = np.zeros((41, 1), np.float32)
    for k in range(5):
        A, B, S = (G * w).sum(axis=0), w.sum(axis=0), G.sum(axis=0)
        expected = (A + prior * B - (G[k] + prior * moved[k]) * w[k]) / (S - G[k] + prior)
        rest = Sums.from_state_dict(unmerge(total, shards[k]))
        found = merged_weights(Evidence(prior), rest, nothing, nothing)
        np.testing.assert_allclose(found[:-1, 0], expected[:-1], rtol=1e-6, atol=1e-12)
        alone = (moved.sum(axis=0) == moved[k])[:-1]
        assert not found[:-1][alone].any(), "what only k has moved is as nobody moved it"


def test_taking_out_leaves_no_evidence_that_is_only_rounding() -> None:
    random = np.random.default_rng(1)
    huge, small = shard_of(random), shard_of(random)
    huge = StateDict({**huge.arrays, "evidence": huge.arrays["evidence"] * 1e16}, huge.params)
    rest = unmerge(merge(small, huge), huge)
    assert (rest.arrays["evidence"] >= 0).all()
    nothing = np.zeros((41, 1), np.float32)
    squares = merged_squared_gradients(Sums.from_state_dict(rest), nothing)
    assert (squares <= rest.arrays["evidence"].max()).all()
