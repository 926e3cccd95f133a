"""Stacking of scikit-learn's linear models by SGD: against its losses, averaging, and one learner.

Twenty shards merge after a half of their rows and at the end. Merges are fitted to a tenth of the
digits' training rows, or to 4,000 generated ones; averaging and the sequential learner learn from
these, too. Everything is seeded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, vstack
from sklearn.linear_model import SGDClassifier

from petafit.features.encoding.batch import Batch
from petafit.learners.sklearn.learner import SklearnLearner
from petafit.learners.sklearn.merging.sgd_losses import OF_RESIDUAL, OF_SIGN, loss_of
from petafit.learners.sklearn.serialization import decode
from petafit.store.arrays import StateDict
from tests.learners.digits import digits
from tests.learners.online.merging.cases import clicks
from tests.learners.online.merging.test_stacking import loss_of as loss_of_model
from tests.learners.online.merging.test_stacking import many_classes, numbers

pytestmark = pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")

SHARDS = 20
Rows = Callable[..., tuple[Batch, Batch, Batch]]


def digit_rows() -> tuple[Batch, Batch, Batch]:
    """Rows to learn from, to fit merges to, and to measure by."""
    X, y = digits()
    X, place = csr_array(X.astype(np.float32)), np.arange(len(y))
    holdout = place % 10 == 9
    chosen = (place < 1400) & ~holdout, (place < 1400) & holdout, place >= 1400
    train, fit, test = (Batch(X[at], y[at]) for at in map(np.flatnonzero, chosen))
    return train, fit, test


def generated(make: Callable[..., Batch]) -> tuple[Batch, Batch, Batch]:
    rows = make(8_000), make(4_000, seed=7), make(10_000, seed=1)
    for batch in rows:
        batch.X.indices, batch.X.indptr = (
            held.astype(np.int32) for held in (batch.X.indices, batch.X.indptr)
        )
    return rows


@dataclass(frozen=True)
class Case:
    """A class, and how far the stacked model may stay behind.

    Attributes
    ----------
    margin : float
        Behind the sequential model.
    slack : float
        Behind the averaged one: .02 are 8 of the digits' 397 rows, one standard error.

    What is measured is the log loss or the squared error, and of classes that decide by margins
    the share of wrong decisions.
    """

    name: str
    rows: Rows
    margin: float
    params: Mapping[str, Any] = field(default_factory=dict)
    n_classes: int | None = 2
    slack: float = 0.0

    def __str__(self) -> str:
        given = [f"{key}={value}" for key, value in self.params.items()]
        return ",".join([self.name, f"{self.n_classes} classes", *given])

    def learner(self, merge: str, n_features: int) -> SklearnLearner:
        return SklearnLearner(
            self.name,
            self.params,
            n_features=n_features,
            n_classes=self.n_classes,
            rows=8_000,
            merge=merge,
        )

    def losses(self) -> tuple[float, float, float]:
        """Losses: stacked, averaged, sequential; the last two also learn the merge holdout."""
        train, holdout, test = self.rows()
        found = []
        for merge, shards in (("auto", SHARDS), ("mean", SHARDS), ("mean", 1)):
            learner = self.learner(merge, train.X.shape[1])
            rows = train if learner.stacks else together(train, holdout)
            found.append(wrong(learner, trained(learner, rows, holdout, shards), test))
        return found[0], found[1], found[2]


def together(rows: Batch, more: Batch) -> Batch:
    return Batch(vstack([rows.X, more.X], format="csr"), np.r_[rows.y, more.y])


def cut(rows: Batch, at: slice) -> Batch:
    return Batch(rows.X[at], rows.y[at])


def merged(learner: SklearnLearner, rows: Batch, shards: int, model: StateDict | None) -> StateDict:
    """The summary of shards that learn from their rows in batches of about 50."""
    parts = (cut(rows, slice(k, None, shards)) for k in range(shards))
    return fold(
        learner.merge,
        (
            learner.lift(
                fold(
                    learner.reduce,
                    [cut(part, slice(at, at + 50)) for at in range(0, len(part.y), 50)],
                    learner.start(model),
                )
            )
            for part in parts
        ),
    )


def trained(learner: SklearnLearner, rows: Batch, holdout: Batch, shards: int) -> StateDict:
    model, half = None, len(rows.y) // 2
    for part in (slice(half), slice(half, None)):
        summary = merged(learner, cut(rows, part), shards, model)
        if learner.stacks:
            model, fit = learner.stack(summary, model, holdout)
            assert fit.after <= fit.before
        else:
            model = learner.finish(summary, model)
    assert model is not None
    return model


def wrong(learner: SklearnLearner, model: StateDict, rows: Batch) -> float:
    if learner.output == "margin" and learner.n_classes != 2:
        return float((learner.predict(model, rows.X).argmax(axis=1) != rows.y).mean())
    return loss_of_model(learner, model, rows)


_CLICKS, _CLASSES, _NUMBERS = (partial(generated, make) for make in (clicks, many_classes, numbers))
_LOG = {"loss": "log_loss"}

# Measured: of the stacked, the averaged and the sequential model.
CASES = [
    Case("SGDClassifier", digit_rows, 0.0, _LOG, 10),  # 0.63 1.77 2.15
    Case("SGDClassifier", digit_rows, 0.0, {**_LOG, "average": True}, 10),  # 0.56 1.48 1.78
    Case("SGDClassifier", digit_rows, 0.02, {}, 10, slack=0.02),  # .161 .144 .146
    Case("Perceptron", digit_rows, 0.02, {}, 10, slack=0.02),  # .156 .151 .164
    Case("PassiveAggressiveClassifier", digit_rows, 0.02, {}, 10, slack=0.02),  # .134 .141 .146
    Case("SGDRegressor", digit_rows, 0.0, {}, None),  # 5.69 7.95 5.77
    Case("PassiveAggressiveRegressor", digit_rows, 2.0, {"C": 0.01}, None),  # 7.53 9.09 5.90
    Case("SGDClassifier", _CLICKS, 0.0, _LOG),  # 0.50 1.86 1.01
    Case("Perceptron", _CLICKS, 0.0),  # .253 .263 .306
    Case("PassiveAggressiveClassifier", _CLICKS, 0.0),  # .242 .253 .311
    Case("SGDClassifier", _CLASSES, 0.0, _LOG, 4),  # 0.73 2.54 1.11
    Case("SGDRegressor", _NUMBERS, 0.0, {}, None),  # 1.09 1.61 1.25
    Case("PassiveAggressiveRegressor", _NUMBERS, 0.0, {}, None),  # 1.08 1.10 1.92
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_stacked_shards_are_as_good_as_averaged_ones_and_nearly_as_one_learner(case: Case) -> None:
    stacked, averaged, sequential = case.losses()
    assert stacked < averaged + case.slack
    assert stacked < sequential + case.margin


def fitted_to(name: str, y: np.ndarray, **params: Any) -> Any:
    """A scikit-learn estimator that has seen labels."""
    learner = SklearnLearner(name, params, n_features=1, n_classes=len(set(y)))
    batch = Batch(csr_array(np.ones((len(y), 1), np.float32)), y)
    return decode(learner.finish(learner.lift(learner.reduce(learner.start(), batch))))


@pytest.mark.parametrize("name", [*OF_SIGN, *OF_RESIDUAL])
def test_losses_are_those_of_scikit_learn(name: str) -> None:
    random = np.random.default_rng(0)
    y, margins = random.permutation([0.0, 1.0] * 20), random.normal(size=40, scale=2.0)
    estimator = fitted_to("SGDClassifier", y, loss=name, epsilon=0.3)
    value, slopes = loss_of(estimator, Batch(csr_array((40, 1)), y))(margins[:, None])
    target = y if name == "log_loss" else 2 * y - 1
    theirs = estimator._get_loss_function(name)
    values, derivatives = np.empty(40), np.empty(40)
    if hasattr(theirs, "py_loss"):
        values = np.array([theirs.py_loss(*pair) for pair in zip(margins, target, strict=True)])
        derivatives = np.array(
            [theirs.py_dloss(*pair) for pair in zip(margins, target, strict=True)]
        )
    else:
        theirs.loss_gradient(target, margins, None, values, derivatives)
    assert value == pytest.approx(values.mean())
    np.testing.assert_allclose(40 * slopes[:, 0], derivatives, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["log_loss", "modified_huber", "hinge"])
def test_slopes_of_several_classes_are_the_derivatives(name: str) -> None:
    random = np.random.default_rng(1)
    y, weight = random.permutation([0.0, 1.0, 2.0] * 4), random.uniform(0.5, 2, 12)
    estimator = fitted_to("SGDClassifier", y, loss=name, class_weight={2: 3.0})
    loss = loss_of(estimator, Batch(csr_array((12, 1)), y, weight))
    margins, step = random.normal(size=(12, 3)), 1e-6 * random.normal(size=(12, 3))
    change = loss(margins + step)[0] - loss(margins - step)[0]
    assert change == pytest.approx(2 * (loss(margins)[1] * step).sum(), rel=1e-6)


def test_the_log_loss_of_several_classes_is_that_of_the_predictions() -> None:
    train, holdout, test = digit_rows()
    learner = Case("SGDClassifier", digit_rows, 0.0, _LOG, 10).learner("auto", 64)
    model = trained(learner, train, holdout, 4)
    estimator = decode(model)
    margins = estimator.decision_function(test.X) / 20  # far from where measures are cut off
    p = 1 / (1 + np.exp(-margins))
    own = (p / p.sum(axis=1, keepdims=True))[np.arange(len(test.y)), test.y.astype(int)]
    assert loss_of(estimator, test)(margins)[0] == pytest.approx(-np.log(own).mean())


def test_the_next_round_starts_from_the_stacked_model() -> None:
    train, holdout, test = digit_rows()
    for average in (False, True):
        case = Case("SGDClassifier", digit_rows, 0.0, {"average": average}, 10)
        learner = case.learner("stacked", 64)
        summary = merged(learner, train, 4, None)
        model, _ = learner.stack(summary, None, holdout)
        stacked = decode(model)
        assert stacked.t_ == 1 + len(train.y) / 4
        again = decode(learner.finish(merged(learner, cut(train, slice(1)), 1, model), model))
        assert again.t_ == stacked.t_ + 1
        near = again.decision_function(test.X).argmax(1) == learner.predict(model, test.X).argmax(1)
        assert near.mean() > 0.9
        if average:
            np.testing.assert_array_equal(stacked.coef_, stacked._standard_coef)


def test_evidence_is_a_quarter_of_the_weighted_squares() -> None:
    learner = Case("SGDClassifier", digit_rows, 0.0).learner("auto", 2)
    X, y = csr_array(np.array([[2.0, 0], [1, 0], [3, 0]], np.float32)), np.array([0.0, 1, 1])
    batch = Batch(X, y, np.array([1.0, 2.0, 0.0]))
    model = learner.finish(learner.lift(learner.reduce(learner.start(), batch)))
    np.testing.assert_allclose(decode(model).evidence_, [(4 + 2 * 1) / 4, 0.0, 3 / 4])


def test_later_rounds_may_use_another_rule() -> None:
    train, holdout, _ = digit_rows()
    case = Case("SGDClassifier", digit_rows, 0.0, _LOG, 10)
    averaging, stacking = case.learner("mean", 64), case.learner("stacked", 64)
    model = averaging.finish(merged(averaging, train, 4, None))
    stacked, fit = stacking.stack(merged(stacking, train, 4, model), model, holdout)
    assert fit.after < fit.before
    averaged = averaging.finish(merged(averaging, train, 4, stacked), stacked)
    assert isinstance(decode(averaged), SGDClassifier)


@pytest.mark.parametrize("name", ["SGDOneClassSVM", "GaussianNB"])
def test_others_do_not_stack(name: str) -> None:
    assert not Case(name, digit_rows, 0.0).learner("stacked", 64).stacks
