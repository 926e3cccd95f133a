"""The loss by which each learner is judged, as scikit-learn and the learner itself have it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from petafit.config.settings import LearnerChoice
from petafit.errors import ContractError
from petafit.evaluation.classification import OF_MARGINS
from petafit.evaluation.evaluate import metrics_for
from petafit.evaluation.metrics import Scored
from petafit.evaluation.regression import OF_NUMBERS
from petafit.learners.objective import LOG_LOSS, Objective
from petafit.learners.online import losses
from petafit.learners.registry import describe, learner_names

seeds = st.integers(0, 2**32 - 1)

NUMBERS: Mapping[str, tuple[float, Any]] = {
    "mean_squared_error": (0.0, reference.mean_squared_error),
    "mean_absolute_error": (0.0, reference.mean_absolute_error),
    "pinball_loss": (
        0.9,
        lambda *of, **weighted: reference.mean_pinball_loss(*of, alpha=0.9, **weighted),
    ),
    "poisson_deviance": (0.0, reference.mean_poisson_deviance),
    "gamma_deviance": (0.0, reference.mean_gamma_deviance),
    "tweedie_deviance": (
        1.5,
        lambda *of, **weighted: reference.mean_tweedie_deviance(*of, power=1.5, **weighted),
    ),
}
"""The parameter and the reference of losses that scikit-learn has, too."""


def figures(kind: Any, objective: Objective, scored: Scored, **settings: Any) -> Any:
    metrics = metrics_for(kind, objective=objective, **settings)
    found = metrics.finish(metrics.reduce(metrics.start(), scored))
    assert found[metrics.loss_name] == metrics.loss(found)
    return found


@pytest.mark.parametrize("name", NUMBERS)
@given(seed=seeds)
def test_losses_of_numbers_are_those_of_scikit_learn(name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    y, prediction = random.gamma(2.0, size=50), random.gamma(2.0, size=50) + 0.01
    weight = random.integers(0, 4, 50).astype(np.float64)
    weight[0] = 1
    parameter, theirs = NUMBERS[name]
    found = figures("number", Objective(name, parameter), Scored(y, prediction, weight))
    assert found[name] == pytest.approx(theirs(y, prediction, sample_weight=weight), rel=1e-9)


@given(seed=seeds)
def test_a_poisson_deviance_is_compared_with_that_of_the_mean(seed: int) -> None:
    random = np.random.default_rng(seed)
    y, weight = random.poisson(2.0, 50).astype(np.float64), random.uniform(0.1, 2, 50)
    y[0] = 1
    found = figures("number", Objective("poisson_deviance"), Scored(y, np.full(50, 1.5), weight))
    mean = np.full(50, np.average(y, weights=weight))
    expected = reference.mean_poisson_deviance(y, mean, sample_weight=weight)
    assert found["base_poisson_deviance"] == pytest.approx(expected, rel=1e-9)


@given(seed=seeds)
def test_the_hinge_loss_is_that_of_scikit_learn_and_beside_that_of_constants(seed: int) -> None:
    random = np.random.default_rng(seed)
    y = np.append(random.integers(0, 2, 48), [0, 1]).astype(np.float64)
    margins, weight = random.normal(size=50), random.uniform(0, 2, 50)
    found = figures("classes", Objective("hinge_loss"), Scored(y, margins, weight), output="margin")
    expected = reference.hinge_loss(y, margins, sample_weight=weight)
    assert found["hinge_loss"] == pytest.approx(expected, rel=1e-9)
    constants = (
        reference.hinge_loss(y, np.full(50, c), sample_weight=weight) for c in np.linspace(-1, 1, 9)
    )
    assert found["base_hinge_loss"] == pytest.approx(min(constants), rel=1e-9)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_hinge_loss_is_the_objective_of_petafits_learners(classes: int) -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, classes, 50).astype(np.float64)
    margins = random.normal(size=(50, 1 if classes == 2 else classes))
    total, _ = losses.total("hinge", margins, y, np.full(50, 0.02), 0.5)
    found = figures(
        "classes",
        Objective("hinge_loss"),
        Scored(y, margins[:, 0] if classes == 2 else margins),
        n_classes=classes,
        output="margin",
    )
    assert found["hinge_loss"] == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("name", ["poisson_deviance", "gamma_deviance", "tweedie_deviance"])
def test_labels_without_a_deviance_are_refused(name: str) -> None:
    scored = Scored(np.array([1.0, -1.0]), np.ones(2))
    with pytest.raises(ContractError, match="not defined"):
        figures("number", Objective(name, 1.5), scored)


def test_a_deviance_of_predictions_of_0_is_large_and_finite() -> None:
    found = figures("number", Objective("poisson_deviance"), Scored(np.ones(2), np.zeros(2)))
    assert 1000 < found["poisson_deviance"] < 2000


@pytest.mark.parametrize(
    ("name", "params", "objective"),
    [
        ("petafit.OnlineLinearClassifier", {}, LOG_LOSS),
        ("petafit.OnlineLinearClassifier", {"loss": "hinge"}, Objective("hinge_loss")),
        (
            "petafit.FactorizationMachineRegressor",
            {"loss": "quantile", "quantile": 0.9},
            Objective("pinball_loss", 0.9),
        ),
        ("petafit.OnlineLinearRegressor", {"loss": "poisson"}, Objective("poisson_deviance")),
        ("petafit.Ridge", {}, Objective("mean_squared_error")),
        ("sklearn.SGDClassifier", {}, Objective("hinge_loss")),
        ("sklearn.SGDClassifier", {"loss": "squared_hinge"}, Objective("squared_hinge_loss")),
        ("sklearn.SGDClassifier", {"loss": "log_loss"}, LOG_LOSS),
        ("sklearn.Perceptron", {}, Objective("error_rate")),
        ("sklearn.SGDRegressor", {"loss": "huber", "epsilon": 0.3}, Objective("huber_loss", 0.3)),
        (
            "sklearn.MultiOutputRegressor",
            {
                "estimator": {
                    "name": "sklearn.SGDRegressor",
                    "params": {"loss": "epsilon_insensitive", "epsilon": 0.2},
                }
            },
            Objective("epsilon_insensitive_loss", 0.2),
        ),
        (
            "sklearn.OneVsRestClassifier",
            {"estimator": "sklearn.SGDClassifier"},
            Objective("hinge_loss"),
        ),
        (
            "sklearn.OneVsOneClassifier",
            {"estimator": "sklearn.SGDClassifier"},
            Objective("error_rate"),
        ),
        ("sklearn.MLPRegressor", {"loss": "poisson"}, Objective("poisson_deviance")),
        ("mllib.LinearSVC", {}, Objective("hinge_loss")),
        ("mllib.GBTRegressor", {"lossType": "absolute"}, Objective("mean_absolute_error")),
        ("mllib.KMeans", {"distanceMeasure": "cosine"}, Objective("mean_distance")),
        (
            "mllib.GeneralizedLinearRegression",
            {"family": "poisson"},
            Objective("poisson_deviance"),
        ),
        (
            "mllib.GeneralizedLinearRegression",
            {"family": "tweedie", "variancePower": 1.3},
            Objective("tweedie_deviance", 1.3),
        ),
    ],
)
def test_learners_are_judged_by_their_objective(
    name: str, params: dict[str, Any], objective: Objective
) -> None:
    assert describe(LearnerChoice(name=name, params=params)).objective == objective


@pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")
@pytest.mark.parametrize("name", learner_names())
def test_every_learner_can_be_judged(name: str) -> None:
    nested = {
        "sklearn.SelectFromModel",
        "sklearn.OneVsRestClassifier",
        "sklearn.OneVsOneClassifier",
    }
    params = {}
    if name in nested or name.startswith("sklearn.MultiOutput"):
        kind = "Regressor" if name.endswith("Regressor") else "Classifier"
        loss = "squared_error" if kind == "Regressor" else "log_loss"
        params = {"estimator": {"name": f"sklearn.SGD{kind}", "params": {"loss": loss}}}
    info = describe(LearnerChoice(name=name, params=params))
    known = {*OF_NUMBERS} if info.output == "value" else {*OF_MARGINS, "log_loss", "error_rate"}
    if info.kind == "clusterer":
        known = {"mean_squared_distance", "negative_log_likelihood"}
    assert info.objective.name in known
