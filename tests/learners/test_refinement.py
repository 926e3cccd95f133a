"""Newton rounds: derivatives against formulas written densely, and what a step brings."""

from functools import reduce as fold

import numpy as np
import pytest
from scipy.special import softmax

from petafit.errors import ConfigurationError
from petafit.features.batch import Batch
from petafit.learners.full_batch import FullBatch
from petafit.learners.online_learner import OnlineLearner
from petafit.learners.refinement import check_refinable, refined
from petafit.learners.registry import make_learner
from petafit.store.arrays import Named, from_bytes, to_bytes
from tests.learners.cases import Case, facts_of
from tests.learners.test_merging import clicks
from tests.learners.test_stacking import N_FEATURES, many_classes, numbers

CASES = {
    "binary": (Case("petafit.OnlineLinearClassifier"), clicks),
    "softmax": (Case("petafit.OnlineLinearClassifier", n_classes=4), many_classes),
    "squared": (Case("petafit.OnlineLinearRegressor", n_classes=None), numbers),
}


def online(case: Case) -> OnlineLearner:
    facts = facts_of(case.n_classes)
    learner = make_learner(case.choice, n_features=N_FEATURES, facts=facts)
    assert isinstance(learner, OnlineLearner)
    return learner


def learnt(learner: OnlineLearner, batch: Batch) -> Named:
    return learner.finish(learner.lift(learner.reduce(learner.start(), batch)))


def derivatives(learner: OnlineLearner, model: Named, batches: list[Batch]) -> Named:
    full = FullBatch(learner)
    return full.lift(fold(full.reduce, batches, full.start(model)))


def dense(found: Named, name: str) -> np.ndarray:
    whole = np.zeros((found.params["coordinates"], found.arrays[name].shape[1]))
    whole[found.arrays.get("index", slice(None))] = found.arrays[name]
    return whole


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_those_of_the_weighted_loss(name: str) -> None:
    case, make = CASES[name]
    learner, batch = online(case), make(400)
    weight = np.random.default_rng(0).random(400)
    model = learnt(learner, batch)
    found = derivatives(learner, model, [Batch(batch.X, batch.y, weight)])
    X = np.hstack([batch.X.toarray(), np.ones((400, 1))]).astype(np.float64)
    margins = X @ model.arrays["weights"]
    if name == "binary":
        p = 1 / (1 + np.exp(-margins))
        slope, bend = p - batch.y[:, None], p * (1 - p)
    elif name == "softmax":
        p = softmax(margins, axis=1)
        slope, bend = p - np.eye(4)[batch.y.astype(int)], p * (1 - p)
    else:
        target = learner.target.encode(batch.y)
        slope, bend = margins - target[:, None], np.ones_like(margins)
    weighted = weight[:, None]
    np.testing.assert_allclose(dense(found, "gradient"), X.T @ (weighted * slope), atol=1e-4)
    np.testing.assert_allclose(dense(found, "curvature"), (X**2).T @ (weighted * bend), atol=1e-4)


def test_shards_add_up_exactly_and_go_on_from_a_dump() -> None:
    learner, whole = online(CASES["binary"][0]), clicks(900)
    model, full = learnt(learner, whole), FullBatch(learner)
    parts = [Batch(whole.X[k::3], whole.y[k::3]) for k in range(3)]
    together = derivatives(learner, model, [whole])
    lifted = [full.lift(full.reduce(full.start(model), part)) for part in parts]
    empty = full.lift(full.start(model))
    for order in (lifted, [*lifted[::-1], empty]):
        merged = fold(full.merge, order)
        for name in ("gradient", "curvature"):
            np.testing.assert_allclose(dense(merged, name), dense(together, name), rtol=1e-9)
    state = full.reduce(full.start(model), parts[0])
    loaded = full.load(from_bytes(to_bytes(full.dump(state))))
    assert full.lift(full.reduce(loaded, parts[1])) == full.lift(full.reduce(state, parts[1]))


@pytest.mark.parametrize("name", CASES)
def test_steps_lower_the_loss_on_rows_nobody_learnt_from(name: str) -> None:
    case, make = CASES[name]
    learner, rows, aside = online(case), make(8000), make(4000, seed=7)
    model, previous, losses = learnt(learner, rows), None, []
    for _ in range(3):
        found = derivatives(learner, model, [rows])
        before = model.arrays["weights"]
        model, fit = refined(learner, model, found, aside, previous=previous)
        previous = before
        losses += [fit.before, fit.after]
    assert losses[1] < losses[0]
    assert min(losses) == losses[-1]
    assert losses[-1] < losses[1]
    state = learner.start(model)
    assert learner.finish(learner.lift(state), model) == model, "learning goes on from it"


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (Case("petafit.OnlineLinearClassifier", {"loss": "hinge"}), "second derivative"),
        (Case("petafit.FactorizationMachineClassifier"), "cannot refine"),
        (Case("sklearn.SGDClassifier"), "cannot refine"),
        (Case("petafit.OnlineLinearClassifier", merge="mean"), "cannot refine"),
    ],
    ids=str,
)
def test_what_cannot_be_refined_is_refused(case: Case, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_refinable(case.learner)
