"""Limits of MLlib's estimators, checked without Spark."""

from typing import Any

import pytest

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import Categorical, Numeric
from petafit.learners.mllib.limits import check_choice, check_statistics


def choice(name: str, **params: Any) -> LearnerChoice:
    return LearnerChoice(name=f"mllib.{name}", params=params)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("IsotonicRegression", {}, "positions are hashes"),
        ("AFTSurvivalRegression", {}, r"learner\.params\.censorCol"),
        ("AFTSurvivalRegression", {"censorCol": "seen"}, "does not read.*one of 'x', 'y'"),
        ("GeneralizedLinearRegression", {"offsetCol": "o"}, "does not read.*got 'o'"),
        ("GeneralizedLinearRegression", {}, "at most 4,096 features; got 8,192.*`hash_bits`"),
        ("LinearRegression", {"solver": "normal"}, "at most 4,096 features"),
        ("OneVsRest", {}, r"learner\.params\.classifier"),
        ("OneVsRest", {"classifier": [1]}, r"expected mllib\.CLASS.*got \[1\]"),
        ("OneVsRest", {"classifier": {"name": "mllib.LinearSVC", "more": 1}}, "more"),
        ("OneVsRest", {"classifier": {"name": "mllib.OneVsRest"}}, "cannot be nested"),
        (
            "OneVsRest",
            {"classifier": "mllib.MultilayerPerceptronClassifier"},
            r"layers: \[8192, \.\.\., number of classes\]",
        ),
        ("MultilayerPerceptronClassifier", {}, r"layers: \[8192, \.\.\., number of classes\]"),
        ("MultilayerPerceptronClassifier", {"layers": [2, 2]}, r"got \[2, 2\]"),
    ],
)
def test_parameters_that_no_rows_can_satisfy_are_refused(
    name: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_choice(choice(name, **params), n_features=8192, columns=("x", "y"))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("LinearRegression", {}),
        ("AFTSurvivalRegression", {"censorCol": "x"}),
        ("MultilayerPerceptronClassifier", {"layers": [8192, 2]}),
        ("OneVsRest", {"classifier": "mllib.LinearSVC"}),
    ],
)
def test_possible_parameters_pass(name: str, params: dict[str, Any]) -> None:
    check_choice(choice(name, **params), n_features=8192, columns=("x", "y"))


def encoder(numeric: Numeric, *counts: int, **column: float) -> Encoder:
    fields = {"mean": 2.0, "sd": 1.0, "minimum": 1.0, "maximum": 3.0, **column}
    statistics = TableStatistics(
        rows=9,
        weight=9.0,
        columns={"x": ColumnStatistics(9, 0, **fields)},
        classes=tuple(range(len(counts))),
        class_counts=counts,
    )
    return Encoder((numeric, Categorical("c")), statistics, hash_bits=4)


@pytest.mark.parametrize("name", ["GBTClassifier", "LinearSVC", "FMClassifier"])
def test_estimators_of_two_classes(name: str) -> None:
    check_statistics(choice(name), encoder(Numeric("x"), 4, 5))
    check_statistics(choice(name), encoder(Numeric("x"), 4, 0, 5))
    with pytest.raises(ConfigurationError, match="distinguishes only two classes; got 3 classes"):
        check_statistics(choice(name), encoder(Numeric("x"), 3, 3, 3))


def test_outputs_of_a_network() -> None:
    network = choice("MultilayerPerceptronClassifier", layers=[16, 3])
    check_statistics(network, encoder(Numeric("x"), 3, 3, 3))
    with pytest.raises(ConfigurationError, match=r"layers: \[\.\.\., 2\]"):
        check_statistics(network, encoder(Numeric("x"), 3, 0, 3))


@pytest.mark.parametrize(
    ("scale", "minimum", "refused"),
    [
        ("standard", 1.0, True),
        ("minmax", -1.0, False),
        ("none", 0.0, False),
        ("none", -1.0, True),
    ],
)
def test_naive_bayes_counts(scale: Any, minimum: float, refused: bool) -> None:
    of_rows = encoder(Numeric("x", scale=scale), 4, 5, minimum=minimum)
    check_statistics(choice("NaiveBayes", modelType="gaussian"), of_rows)
    if not refused:
        check_statistics(choice("NaiveBayes"), of_rows)
        return
    with pytest.raises(ConfigurationError, match=r"'x' has values below 0.*scale: minmax"):
        check_statistics(choice("NaiveBayes"), of_rows)


def test_an_estimator_for_each_class_has_the_same_limits() -> None:
    three = encoder(Numeric("x"), 3, 3, 3)
    check_statistics(choice("OneVsRest", classifier="mllib.LinearSVC"), three)
    with pytest.raises(ConfigurationError, match="'x' has values below 0"):
        check_statistics(choice("OneVsRest", classifier="mllib.NaiveBayes"), three)
    network = {"name": "mllib.MultilayerPerceptronClassifier", "params": {"layers": [17, 3]}}
    with pytest.raises(ConfigurationError, match=r"layers: \[\.\.\., 2\]"):
        check_statistics(choice("OneVsRest", classifier=network), three)
