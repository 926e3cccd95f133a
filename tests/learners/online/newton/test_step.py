"""Newton rounds: derivatives against formulas written densely, and optima against scikit-learn."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from functools import reduce as fold
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.newton.derivatives import SHORTER, FullBatch
from petafit.learners.online.newton.lbfgs import Point, with_newest
from petafit.learners.online.newton.step import check_refinable, mean_loss, refined, start_of
from petafit.learners.registry import make_learner
from petafit.store.arrays import StateDict, from_bytes, to_bytes
from tests.learners.cases import Case, statistics_of
from tests.learners.online.merging.cases import clicks
from tests.learners.online.merging.test_stacking import N_FEATURES, many_classes, numbers

Make = Callable[[int], Batch]
COUNTS: Make = partial(numbers, counts=True)
CASES: dict[str, tuple[Case, Make]] = {
    "binary": (Case("petafit.OnlineLinearClassifier"), clicks),
    "softmax": (Case("petafit.OnlineLinearClassifier", n_classes=4), many_classes),
    "squared": (Case("petafit.OnlineLinearRegressor", n_classes=None), numbers),
    "poisson": (
        Case("petafit.OnlineLinearRegressor", {"loss": "poisson"}, n_classes=None),
        COUNTS,
    ),
}
L2 = 1e-4


def online(case: Case, **params: object) -> OnlineLearner:
    choice = case.choice.model_copy(update={"params": {**case.params, **params}})
    learner = make_learner(choice, n_features=N_FEATURES, statistics=statistics_of(case.n_classes))
    assert isinstance(learner, OnlineLearner)
    return learner


def learnt(learner: OnlineLearner, batch: Batch) -> StateDict:
    return learner.finish(learner.lift(learner.reduce(learner.start(), batch)))


def measured(learner: OnlineLearner, start: StateDict, batches: list[Batch]) -> StateDict:
    full = FullBatch(learner)
    return full.lift(fold(full.reduce, batches, full.start(start)))


def steps(
    learner: OnlineLearner, batch: Batch, count: int, model: StateDict | None = None
) -> tuple[list[StateDict], list[float]]:
    """The models of so many steps, and the objective before each."""
    models, objectives, points = [model or learnt(learner, batch)], [], tuple[Point, ...]()
    block = True
    for _ in range(count):
        sums = measured(learner, start_of(models[-1], points, block=block), [batch])
        found = refined(learner, models[-1], sums, points)
        block = found.point is None
        models.append(found.model)
        objectives.append(found.objective)
        points = with_newest(points, found.point) if found.point else points
    return models, objectives


def dense(found: StateDict, name: str) -> np.ndarray:
    whole = np.zeros((found.params["coordinates"], found.arrays[name].shape[1]))
    whole[found.arrays.get("index", slice(None))] = found.arrays[name]
    return whole


def with_ones(batch: Batch) -> np.ndarray:
    return np.hstack([batch.X.toarray(), np.ones((len(batch.y), 1))]).astype(np.float64)


def losses_and_slopes(name: str, margins: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of each row, by formulas of this test's own."""
    if name == "softmax":
        own = np.eye(margins.shape[1])[y.astype(int)]
        return logsumexp(margins, axis=1) - (own * margins).sum(1), softmax(margins, axis=1) - own
    m = margins[:, 0]
    if name == "binary":
        return np.logaddexp(0, m) - y * m, (1 / (1 + np.exp(-m)) - y)[:, None]
    if name == "squared":
        return (m - y) ** 2 / 2, (m - y)[:, None]
    return np.exp(m) - y * m, (np.exp(m) - y)[:, None]


@pytest.mark.parametrize("name", CASES)
def test_sums_are_those_of_the_weighted_loss(name: str) -> None:
    case, make = CASES[name]
    learner, batch = online(case), make(400)
    weight, X = np.random.default_rng(0).random(400), with_ones(batch)
    model = learnt(learner, batch)
    before = model.arrays["weights"] * np.float32(0.5)
    chosen = np.array([1, 5, 40, N_FEATURES], np.int32)
    start = start_of(model, (), block=True) | StateDict({"before": before, "block": chosen})
    found = measured(learner, start, [replace(batch, weight=weight)])
    values, slopes = losses_and_slopes(
        name, X @ model.arrays["weights"], learner.target.encode(batch.y)
    )
    weighted = weight[:, None] * slopes
    np.testing.assert_allclose(dense(found, "gradient"), X.T @ weighted, atol=1e-4)
    assert found.arrays["losses"][0] == pytest.approx(weight @ values, rel=1e-5)
    for share, loss in zip(SHORTER, found.arrays["losses"][1:], strict=True):
        between = before + share * (model.arrays["weights"] - before)
        values, _ = losses_and_slopes(name, X @ between, learner.target.encode(batch.y))
        assert loss == pytest.approx(weight @ values, rel=1e-5)
    assert found.arrays["weight"][0] == pytest.approx(weight.sum())
    if name == "squared":  # whose curvature does not depend on the weights
        block = X[:, chosen].T @ (weight[:, None] * X[:, chosen])
        np.testing.assert_allclose(np.triu(found.arrays["block"]), np.triu(block), atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_no_direction_has_more_curvature_than_the_bound(name: str) -> None:
    """At the weights themselves, for any features that go together."""
    case, make = CASES[name]
    learner, batch, random = online(case), make(300), np.random.default_rng(0)
    model, X = learnt(learner, batch), with_ones(batch)
    weights, target = model.arrays["weights"].astype(np.float64), learner.target.encode(batch.y)
    bound = dense(measured(learner, start_of(model, (), block=True), [batch]), "curvature")
    for _ in range(20):
        move = random.normal(size=weights.shape) * random.integers(0, 2, weights.shape)
        near = 1e-4 * move
        slopes = [
            losses_and_slopes(name, X @ w, target)[1] for w in (weights - near, weights + near)
        ]
        along = ((X @ near) * (slopes[1] - slopes[0])).sum() / 2e-8
        assert along <= (bound * move**2).sum() * (1 + 1e-6)


def test_shards_add_up_exactly_and_go_on_from_a_dump() -> None:
    learner, whole = online(CASES["binary"][0]), clicks(900)
    model, full = learnt(learner, whole), FullBatch(learner)
    start = start_of(model, (), block=True) | StateDict({"before": model.arrays["weights"] / 2})
    parts = [Batch(whole.X[k::3], whole.y[k::3]) for k in range(3)]
    together = measured(learner, start, [whole])
    lifted = [full.lift(full.reduce(full.start(start), part)) for part in parts]
    empty = full.lift(full.start(start))
    for order in (lifted, [*lifted[::-1], empty]):
        merged = fold(full.merge, order)
        for name in ("gradient", "curvature"):
            np.testing.assert_allclose(dense(merged, name), dense(together, name), rtol=1e-9)
        for name in ("losses", "weight", "block"):
            np.testing.assert_allclose(merged.arrays[name], together.arrays[name], rtol=1e-9)
    state = full.reduce(full.start(start), parts[0])
    loaded = full.load(from_bytes(to_bytes(full.dump(state))))
    assert full.lift(full.reduce(loaded, parts[1])) == full.lift(full.reduce(state, parts[1]))


def optimum(name: str, batch: Batch, target: np.ndarray) -> np.ndarray:
    """The weights scikit-learn finds, (n_features + 1, n_outputs)."""
    rows = len(target)
    tight = {"max_iter": 5000, "tol": 1e-8}
    match name:
        case "binary" | "softmax":
            model = LogisticRegression(C=1 / (L2 * rows), **tight)
        case "squared":
            model = Ridge(alpha=L2 * rows, solver="lsqr", tol=1e-10)
        case _:
            model = PoissonRegressor(alpha=L2, **tight)
    model.fit(batch.X.astype(np.float64), target)
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    return np.vstack([coef.T, intercept])


def objective(name: str, weights: np.ndarray, batch: Batch, target: np.ndarray) -> float:
    values, _ = losses_and_slopes(name, with_ones(batch) @ weights.astype(np.float64), target)
    return float(values.mean() + L2 / 2 * np.square(weights[:-1], dtype=np.float64).sum())


@pytest.mark.parametrize("rule", ["adagrad", "ftrl", "sgd"])
@pytest.mark.parametrize("name", CASES)
def test_steps_reach_the_optimum_of_scikit_learn(name: str, rule: str) -> None:
    """FTRL's l2 belongs to the sum of losses, that of the others to the mean."""
    case, make = CASES[name]
    batch = make(3000)
    l2 = L2 * 3000 if rule == "ftrl" else L2
    learner = online(case, optimizer=rule, l2=l2, learning_rate=0.05)
    models, objectives = steps(learner, batch, 24 if name == "softmax" else 10)
    target = learner.target.encode(batch.y)
    least = objective(name, optimum(name, batch, target), batch, target)
    reached = objective(name, models[-1].arrays["weights"], batch, target)
    assert objectives[0] > least + 5e-4
    assert reached == pytest.approx(least, abs=1e-4 if name == "softmax" else 1e-5)
    assert objectives[-1] == pytest.approx(reached, abs=1e-4)


def test_a_too_long_step_is_shortened_by_the_same_pass() -> None:
    """From weights far out, where the loss is nearly straight and its curvature misleads."""
    case, make = CASES["poisson"]
    learner, batch = online(case, l2=L2), make(3000)
    model = learnt(learner, batch)
    far = StateDict({**model.arrays, "weights": -4 * model.arrays["weights"]}, model.params)
    models, objectives = steps(learner, batch, 40, far)
    rises = [later > before for before, later in pairwise(objectives)]
    assert any(rises)
    assert not any(a and b for a, b in pairwise(rises)), "one pass is enough"
    target = learner.target.encode(batch.y)
    least = objective("poisson", optimum("poisson", batch, target), batch, target)
    found = objective("poisson", models[-1].arrays["weights"], batch, target)
    assert found == pytest.approx(least, abs=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_online_rounds_can_follow_a_step(name: str) -> None:
    """Also where a coordinate has a weight that no online round ever met."""
    case, make = CASES[name]
    learner, rows = online(case), make(2000)
    few = Batch(rows.X[:20], rows.y[:20])
    models, _ = steps(learner, rows, 1, learnt(learner, few))
    model = models[-1]
    met = few.X.toarray().any(axis=0)
    assert np.any(model.arrays["weights"][:-1][~met])
    state = learner.start(model)
    assert learner.finish(learner.lift(state), model) == model
    np.testing.assert_array_equal(
        learner.optimizer.weights(state.memory.table), model.arrays["weights"]
    )


def test_the_loss_that_judges_is_the_learners_own_without_penalty() -> None:
    case, make = CASES["softmax"]
    learner, batch = online(case, class_weight={0: 3.0, 1: 0.5}), make(500)
    model, weight = learnt(learner, batch), np.random.default_rng(1).random(500)
    values, _ = losses_and_slopes("softmax", with_ones(batch) @ model.arrays["weights"], batch.y)
    weighed = weight * np.array([3.0, 0.5, 1.0, 1.0])[batch.y.astype(int)]
    found = mean_loss(learner, model, replace(batch, weight=weight))
    assert found == pytest.approx(weighed @ values / weighed.sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (Case("petafit.OnlineLinearClassifier", {"loss": "hinge"}), "second derivative"),
        (
            Case("petafit.OnlineLinearRegressor", {"loss": "quantile"}, n_classes=None),
            "second derivative",
        ),
        (Case("petafit.OnlineLinearClassifier", {"l1": 0.1}), "l1 has not at 0"),
        (Case("petafit.FactorizationMachineClassifier"), "cannot refine"),
        (Case("sklearn.SGDClassifier"), "cannot refine"),
    ],
    ids=str,
)
def test_models_that_cannot_be_refined_are_refused(case: Case, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_refinable(case.learner)
