"""Learners by their names."""

from dataclasses import replace
from typing import Any

import pytest

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError
from petafit.learners.objective import HINGE_LOSS, LOG_LOSS, SQUARED_ERROR
from petafit.learners.registry import LearnerInfo, describe, learner_names, make_learner
from tests.learners.cases import statistics_of


def choice(name: str, **params: Any) -> LearnerChoice:
    return LearnerChoice(name=name, params=params)


def test_every_family_is_listed() -> None:
    names = learner_names()
    assert {name.split(".")[0] for name in names} == {"petafit", "sklearn", "mllib", "xgboost"}
    assert {"sklearn.GaussianNB", "mllib.GBTClassifier"} <= {*names}
    assert "sklearn.HashingVectorizer" not in names


@pytest.mark.parametrize(
    "info",
    [
        LearnerInfo(
            name="petafit.OnlineLinearClassifier",
            family="petafit",
            kind="classifier",
            output="probability",
            layout="csr",
            dtype="float32",
            exact=False,
            mergeable=True,
            objective=LOG_LOSS,
        ),
        LearnerInfo(
            name="sklearn.SGDRegressor",
            family="sklearn",
            kind="regressor",
            output="value",
            layout="csr",
            dtype="float32",
            exact=False,
            mergeable=True,
            objective=SQUARED_ERROR,
        ),
        LearnerInfo(
            name="sklearn.GaussianNB",
            family="sklearn",
            kind="classifier",
            output="probability",
            layout="dense",
            dtype="float64",
            exact=True,
            mergeable=True,
            objective=LOG_LOSS,
        ),
        LearnerInfo(
            name="petafit.Ridge",
            family="petafit",
            kind="regressor",
            output="value",
            layout="csr",
            dtype="float64",
            exact=True,
            mergeable=True,
            objective=SQUARED_ERROR,
        ),
        LearnerInfo(
            name="mllib.LinearSVC",
            family="mllib",
            kind="classifier",
            output="margin",
            layout="csr",
            dtype="float64",
            exact=True,
            mergeable=True,
            objective=HINGE_LOSS,
        ),
    ],
    ids=lambda info: info.name,
)
def test_describe_needs_no_data(info: LearnerInfo) -> None:
    assert describe(choice(info.name)) == info


def test_a_learner_that_cannot_merge_refuses_shards() -> None:
    info = replace(describe(choice("sklearn.GaussianNB")), mergeable=False)
    info.check_shards(1)
    with pytest.raises(ConfigurationError, match=r"training\.shards"):
        info.check_shards(2)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("petafit.Ridge", {"alfa": 1}, "Did you mean 'alpha'"),
        ("petafit.OnlineLinear", {}, r"Did you mean 'petafit\.OnlineLinear"),
        ("SGDClassifier", {}, r"Did you mean 'sklearn\.SGDClassifier'"),
        ("mlib.GBTClassifier", {}, r"Did you mean 'mllib\.GBTClassifier'"),
        ("sklearn.", {}, "No learner 'sklearn.'"),
        ("mllib.LogReg", {}, r"Did you mean 'mllib\.LogisticRegression'"),
        ("mllib.LogisticRegression", {"regparam": 0.1}, "Did you mean 'regParam'"),
        ("mllib.LogisticRegression", {"labelCol": "y"}, "no parameter 'labelCol'"),
        ("petafit.OnlineLinearClassifier", {"learning_rat": 1}, "Did you mean 'learning_rate'"),
        ("petafit.OnlineLinearClassifier", {"loss": "poisson"}, "a str among "),
        ("petafit.OnlineLinearRegressor", {"class_weight": None}, "no parameter 'class_weight'"),
        ("petafit.OnlineLinearClassifier", {"max_iter": 5}, r"Set `training\.rounds`"),
    ],
)
def test_mistakes_are_named(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        describe(choice(name, **params))


@pytest.mark.parametrize(
    ("name", "n_classes", "message"),
    [
        ("petafit.OnlineLinearClassifier", None, "is a classifier; expected classes"),
        ("petafit.OnlineLinearRegressor", 2, "is a regressor; expected a number"),
        ("sklearn.SGDClassifier", None, "is a classifier; expected classes"),
        ("petafit.Ridge", 2, "is a regressor; expected a number"),
        ("sklearn.SGDRegressor", 2, "is a regressor; expected a number"),
        ("mllib.GBTClassifier", 2, "does not learn incrementally"),
    ],
)
def test_labels_must_fit(name: str, n_classes: int | None, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_learner(choice(name), n_features=4, statistics=statistics_of(n_classes))


def test_poisson_counts_are_not_negative() -> None:
    poisson = choice("petafit.OnlineLinearRegressor", loss="poisson")
    statistics = statistics_of(None)
    label = replace(statistics.label, minimum=-1.5)
    with pytest.raises(ConfigurationError, match=r"must not be negative; got -1\.5\. Check"):
        make_learner(poisson, n_features=4, statistics=replace(statistics, label=label))


def test_class_weights_of_a_task_file_name_classes_of_any_type() -> None:
    statistics = replace(statistics_of(2), classes=(False, True))
    for key in ("True", "true"):
        weighted = choice("petafit.OnlineLinearClassifier", class_weight={key: 5.0})
        learner = make_learner(weighted, n_features=4, statistics=statistics)
        assert learner.target.class_weight.tolist() == [1.0, 5.0]
    unknown = choice("petafit.OnlineLinearClassifier", class_weight={"yes": 5.0})
    with pytest.raises(ConfigurationError, match=r"class_weight names \['yes'\]"):
        make_learner(unknown, n_features=4, statistics=statistics)


def test_balanced_classes_take_the_tables_counts_or_count_themselves() -> None:
    balanced = choice("petafit.OnlineLinearClassifier", class_weight="balanced")
    statistics = replace(statistics_of(2), class_counts=(30, 10))
    known = make_learner(balanced, n_features=4, statistics=statistics).target.class_weight
    assert known.tolist() == [40 / 60, 40 / 20]
    statistics = replace(statistics, class_counts=None)
    assert (
        make_learner(balanced, n_features=4, statistics=statistics).target.class_weight
        == "balanced"
    )


def test_without_pyspark_the_other_families_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petafit.learners.registry.find_spec", lambda name: None)
    assert {name.split(".")[0] for name in learner_names()} == {"petafit", "sklearn", "xgboost"}
    with pytest.raises(ConfigurationError, match=r"petafit\[spark\]"):
        describe(choice("mllib.GBTClassifier"))


def test_unknown_merge_rules_are_refused() -> None:
    name = "petafit.OnlineLinearClassifier"
    with pytest.raises(ConfigurationError, match="Did you mean 'mean'"):
        make_learner(choice(name), n_features=4, statistics=statistics_of(2), merge="meen")


def test_a_model_of_another_size_or_optimizer_is_refused() -> None:
    name = "petafit.OnlineLinearClassifier"
    small, large = (
        make_learner(choice(name), n_features=n, statistics=statistics_of(2)) for n in (4, 8)
    )
    ftrl = make_learner(choice(name, optimizer="ftrl"), n_features=4, statistics=statistics_of(2))
    three = make_learner(choice(name), n_features=4, statistics=statistics_of(3))
    model = small.finish(small.lift(small.start()))
    for other in (large, ftrl, three):
        with pytest.raises(ConfigurationError, match="cannot continue from this model"):
            other.start(model)
