"""Stacked merging: its formulas, and that it comes close to learning one row after the other."""

from functools import partial
from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner
from petafit.learners.online import losses
from petafit.learners.online.csr import as_rows
from petafit.learners.online.merging.stacking import EDGES, N_BUCKETS, buckets_of, candidates_of
from petafit.learners.registry import make_learner
from petafit.store.arrays import StateDict
from tests.learners.cases import Case, statistics_of
from tests.learners.online.merging.cases import SHARDS, START, STARTED, clicks, sums

N_FEATURES = 320


def test_candidates_are_the_moves_weighted_by_evidence_and_the_mean_of_those_that_moved() -> None:
    deltas = np.array([table - START for table in SHARDS], np.float64)
    moves, evidence = deltas[:, :, 0], deltas[:, :, 1]
    prior = 3 + START[:, 1] / 10
    by_evidence = ((evidence + prior) * moves).sum(0) / (evidence.sum(0) + prior)
    touched = moves.sum(0) / np.maximum((moves != 0).sum(0), 1)
    found = candidates_of(sums(), *STARTED).vectors
    np.testing.assert_allclose(found[:, 0], START[:, 0])
    np.testing.assert_allclose(found[:, 1], by_evidence, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[:, 2], touched, rtol=1e-5, atol=1e-7)


def test_buckets_are_by_evidence() -> None:
    assert buckets_of(np.array([0.0, *(edge * 1.01 for edge in EDGES)])).tolist() == [
        *range(N_BUCKETS)
    ]


def test_contributions_add_up_to_the_margins_of_the_combination() -> None:
    random = np.random.default_rng(0)
    candidates = candidates_of(sums(), *STARTED)
    X = csr_array(random.integers(0, 3, (50, 3)).astype(np.float32))
    multipliers = random.normal(size=3 * N_BUCKETS)
    weights = candidates.combined(multipliers)
    margins = candidates.contributions(as_rows(X)) @ multipliers
    np.testing.assert_allclose(margins, X @ weights[:-1] + weights[-1], rtol=1e-4, atol=1e-5)


def test_scaled_candidates_are_their_contributions() -> None:
    random = np.random.default_rng(0)
    candidates = candidates_of(sums(), *STARTED)
    X, weight = csr_array(random.integers(0, 3, (50, 3)).astype(np.float32)), np.full(50, 1 / 50)
    rows, weights = as_rows(X), candidates.vectors[:, :2, 0] @ [0.5, 3.0]
    y = X @ weights[:-1] + weights[-1]
    loss = partial(losses.total, "squared", target=y, weight=weight, quantile=0.5)
    features = candidates.contributions(rows)
    scaled, found, largest = candidates.scaled(features, loss)
    np.testing.assert_allclose(found, scaled.contributions(rows), rtol=1e-4, atol=1e-6)
    aim = np.tile(candidates.aim, N_BUCKETS)
    assert loss(found @ aim)[0] < 1e-6 < loss(features @ aim)[0]
    assert largest == pytest.approx(3.0, rel=1e-3)


def many_classes(n_rows: int, seed: int = 0) -> Batch:
    """The rows of `clicks`, whose class is one of four."""
    batch, effects = clicks(n_rows, seed), np.random.default_rng(5).normal(size=(N_FEATURES, 4))
    margins = batch.X @ effects
    gumbel = np.random.default_rng(seed + 1).gumbel(size=margins.shape)
    return Batch(batch.X, (margins + gumbel).argmax(axis=1).astype(np.float64))


def numbers(n_rows: int, seed: int = 0, *, counts: bool = False) -> Batch:
    batch, effects = clicks(n_rows, seed), np.random.default_rng(5).normal(size=N_FEATURES)
    random = np.random.default_rng(seed + 1)
    mean = batch.X @ effects * 0.3 + 0.5
    y = random.poisson(np.exp(mean)) if counts else mean + random.normal(size=n_rows)
    return Batch(batch.X, np.asarray(y, np.float64))


CASES: list[tuple[Case, Any]] = [
    (Case("petafit.OnlineLinearClassifier"), clicks),
    (Case("petafit.OnlineLinearClassifier", {"optimizer": "ftrl"}), clicks),
    (Case("petafit.OnlineLinearClassifier", {"optimizer": "sgd"}), clicks),
    (Case("petafit.OnlineLinearClassifier", {"loss": "hinge"}), clicks),
    (Case("petafit.OnlineLinearClassifier", n_classes=4), many_classes),
    (Case("petafit.OnlineLinearRegressor", n_classes=None), numbers),
    (
        Case("petafit.OnlineLinearRegressor", {"loss": "poisson"}, n_classes=None),
        partial(numbers, counts=True),
    ),
    (Case("petafit.FactorizationMachineClassifier", {"n_factors": 2}), clicks),
]


def learner_of(case: Case, merge: str) -> Learner[Any]:
    return make_learner(
        case.choice, n_features=N_FEATURES, statistics=statistics_of(case.n_classes), merge=merge
    )


def shards_of(
    learner: Learner[Any], batch: Batch, shards: int, model: StateDict | None
) -> StateDict:
    parts = [Batch(batch.X[k::shards], batch.y[k::shards]) for k in range(shards)]
    return fold(
        learner.merge, [learner.lift(learner.reduce(learner.start(model), part)) for part in parts]
    )


def loss_of(learner: Learner[Any], model: StateDict, rows: Batch) -> float:
    """The loss it minimises if that is smooth, or else the share of wrong decisions."""
    found, y = learner.predict(model, rows.X), rows.y
    if learner.kind == "regressor":
        return float(((found - y) ** 2).mean())
    if learner.output == "margin":
        return float(((found > 0) != (y > 0)).mean())
    of_truth = found[np.arange(len(y)), y.astype(int)] if found.ndim == 2 else None
    truth = np.where(y == 1, found, 1 - found) if of_truth is None else of_truth
    return float(-np.log(np.maximum(truth, 1e-7)).mean())


@pytest.mark.parametrize(("case", "make"), CASES, ids=[str(case) for case, _ in CASES])
def test_stacking_regains_most_of_the_loss_of_averaging(case: Case, make: Any) -> None:
    """32 shards, in parts of a quarter, a quarter and a half of the rows."""
    rows, holdout, held_out = make(16_000), make(4_000, seed=7), make(10_000, seed=1)
    plain, stacked = learner_of(case, "evidence"), learner_of(case, "stacked")
    assert stacked.stacks
    assert not plain.stacks
    sequential = plain.finish(shards_of(plain, rows, 1, None))
    merged: StateDict | None = None
    best: StateDict | None = None
    for part in (slice(4_000), slice(4_000, 8_000), slice(8_000, None)):
        given = Batch(rows.X[part], rows.y[part])
        merged = plain.finish(shards_of(plain, given, 32, merged), merged)
        best, fit = stacked.stack(shards_of(stacked, given, 32, best), best, holdout)
        assert fit.after <= fit.before
    assert merged is not None
    assert best is not None
    sought, lost, left = (loss_of(plain, m, held_out) for m in (sequential, merged, best))
    assert left < lost
    assert left - sought < 0.4 * (lost - sought) + 0.003


def test_the_next_round_starts_from_the_stacked_model() -> None:
    for optimizer in ("adagrad", "ftrl"):
        learner = learner_of(
            Case("petafit.OnlineLinearClassifier", {"optimizer": optimizer}), "auto"
        )
        model, _ = learner.stack(
            shards_of(learner, clicks(4_000), 8, None), None, clicks(2_000, seed=7)
        )
        unmoved = learner.finish(learner.lift(learner.start(model)), model)
        assert unmoved == model
        _, before = learner.progressive(learner.start(model), clicks(1))
        np.testing.assert_allclose(before, learner.predict(model, clicks(1).X), rtol=1e-4)
