"""Parameters are XGBoost's own; what it would refuse or ignore is refused before any work."""

from typing import Any

import pytest

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError
from petafit.learners.objective import LOG_LOSS, POISSON_DEVIANCE, SQUARED_ERROR, Objective
from petafit.learners.registry import describe, documentation
from petafit.learners.xgboost import package
from petafit.learners.xgboost.parameters import Boosting, boosting


def given(name: str = "XGBClassifier", **params: Any) -> Boosting:
    return boosting(name, params, n_classes=None, seed=0, validated=True)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_dept": 3}, "no parameter 'max_dept'. Did you mean 'max_depth'"),
        ({"max_depth": "six"}, "expect int but value='six'"),
        ({"learning_rate": -1}, "greater equal to 0"),
        ({"grow_policy": "x"}, "Invalid"),
        ({"n_estimators": 0}, "'n_estimators'; expected a whole number above 0; got 0"),
        ({"random_state": 1}, "training.seed"),
        ({"objective": "binary:hinge"}, "expected one of binary:logistic, multi:softprob"),
        ({"quantile_alpha": 0.5}, "no parameter 'quantile_alpha'"),
        ({"booster": "gblinear"}, "expected one of gbtree, dart"),
        ({"monotone_constraints": [1, 0]}, "Constraints of XGBoost's trees name columns"),
        ({"monotone_constraints": {"aeg": 1}}, "'aeg', which is no column of the trees. Did you"),
    ],
)
def test_what_is_wrong_is_named(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match="(?s)" + message.replace("(", r"\(")):
        given(**params).check_columns(["age", "hour"])


@pytest.mark.parametrize(
    ("name", "params", "objective"),
    [
        ("XGBClassifier", {}, LOG_LOSS),
        ("XGBRegressor", {}, SQUARED_ERROR),
        ("XGBRegressor", {"objective": "count:poisson"}, POISSON_DEVIANCE),
        (
            "XGBRegressor",
            {"objective": "reg:quantileerror", "quantile_alpha": 0.9},
            Objective("pinball_loss", 0.9),
        ),
        (
            "XGBRegressor",
            {"objective": "reg:tweedie", "tweedie_variance_power": 1.2},
            Objective("tweedie_deviance", 1.2),
        ),
    ],
)
def test_a_model_is_judged_by_its_objective(
    name: str, params: dict[str, Any], objective: Objective
) -> None:
    assert describe(LearnerChoice(name=f"xgboost.{name}", params=params)).objective == objective


def test_an_unknown_learner_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"Did you mean 'xgboost\.XGBRegressor'"):
        describe(LearnerChoice(name="xgboost.XGBRegresor"))


def test_defaults_are_told() -> None:
    told = {each.name: each.default for each in documentation("xgboost.XGBClassifier")[1]}
    assert (told["learning_rate"], told["n_estimators"]) == (0.1, given().trees)
    assert "random_state" not in told


def test_without_the_package_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(package, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'petafit\[xgboost\]'"):
        describe(LearnerChoice(name="xgboost.XGBClassifier"))
