"""The job `explain`, on a training that keeps the summaries of its days."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError, EmptyInputError
from petafit.explanation import influence as module
from tests.days import BAD, DAYS, clicks, days_in
from tests.small import with_settings

LEARNERS = {
    "petafit.OnlineLinearClassifier": "click",
    "sklearn.MultinomialNB": "click",
    "petafit.Ridge": "value",
}


def task(folder: Path, learner: str = "petafit.OnlineLinearClassifier") -> Settings:
    params = {"learning_rate": 0.1} if learner == "petafit.OnlineLinearClassifier" else {}
    chosen = {"name": learner, "params": params}
    settings = days_in(folder, learner=chosen, label=LEARNERS[learner])
    if learner == "sklearn.MultinomialNB":  # takes counts only
        settings = with_settings(settings, features=[{"categorical": "ad"}])
    return settings


def measured(run: Any) -> dict[str, Any]:
    return json.loads(run.folder.read("influence.json"))


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_day_with_wrong_labels_hurts_most(learner: str, tmp_path: Path) -> None:
    settings = task(tmp_path, learner)
    petafit.train(settings)
    run = petafit.explain(settings)
    tested = 400 * (DAYS - 6)
    assert run.manifest["rows"] == {"in": tested, "used": tested, "quarantined": 0}
    influence = run.manifest["influence"]
    (worst,) = influence["hurt"]
    assert (worst["partition"], worst["rows"]) == (f"day={BAD}", 400)
    assert worst["interval"][1] < 0
    assert {each["partition"] for each in influence["help"]} == {
        f"day={day}" for day in (1, 2, 3, 5, 6)
    }
    changes = [each["change"] for each in measured(run)["partitions"]]
    assert changes == sorted(changes)
    assert run.manifest["outputs"][0]["rows"] == len(changes) == 6


@pytest.mark.parametrize("learner", ["petafit.OnlineLinearClassifier", "petafit.Ridge"])
def test_the_change_is_that_of_training_without_the_day(learner: str, tmp_path: Path) -> None:
    settings = task(tmp_path, learner)
    petafit.train(settings)
    explained = petafit.explain(settings)
    loss = measured(explained)["loss"]
    whole = petafit.evaluate(settings).manifest["metrics"][loss]
    assert explained.manifest["metrics"][loss] == pytest.approx(whole, rel=1e-6)
    changes = {each["partition"]: each["change"] for each in measured(explained)["partitions"]}
    less = with_settings(settings, split={"train": ("day <= 6", f"day != {BAD}")})
    petafit.train(less)
    without = petafit.evaluate(less).manifest["metrics"][loss]
    assert changes[f"day={BAD}"] == pytest.approx(without - whole, rel=1e-4)


@pytest.mark.parametrize("weight", [None, "day"])
def test_changes_and_their_errors_are_those_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weight: str | None
) -> None:
    """Of predictions of loaded models, rows repeated by weight; measured in many small steps."""
    monkeypatch.setattr(module, "_MOST_MARGINS", 100)
    settings = with_settings(task(tmp_path, "petafit.Ridge"), weight=weight)
    kept = petafit.load_summaries(petafit.train(settings).folder.uri)
    rows = clicks().to_pandas().query("day > 6")
    rows = rows.loc[rows.index.repeat(rows["day"])] if weight else rows

    def losses(*names: str) -> np.ndarray:
        return (kept.without(*names).predict(rows) - rows["value"].to_numpy()) ** 2

    for each in measured(petafit.explain(settings))["partitions"]:
        change = losses(each["partition"]) - losses()
        assert each["change"] == pytest.approx(change.mean(), rel=1e-9)
        error = change.std() / np.sqrt(len(change))
        assert each["standard_error"] == pytest.approx(error, rel=1e-9)
        half = (each["interval"][1] - each["interval"][0]) / 2
        assert half == pytest.approx(1.96 * error)


def test_an_earlier_version_is_explained_by_its_own_run(tmp_path: Path) -> None:
    settings = task(tmp_path)
    petafit.train(settings)
    first = measured(petafit.explain(settings))
    petafit.train(with_settings(settings, split={"train": ("day <= 3",)}))
    assert len(measured(petafit.explain(settings))["partitions"]) == 3
    assert measured(petafit.explain(with_settings(settings, model="days@1"))) == first


def test_nothing_to_explain_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="--influence partitions"):
        petafit.explain(settings)


def test_a_model_without_summaries_is_refused_with_a_hint(settings: Settings) -> None:
    petafit.train(settings)
    with pytest.raises(ConfigurationError, match=r"training\.keep_summaries: COLUMN"):
        petafit.explain(with_settings(settings, explain={"influence": "partitions"}))


def test_a_removed_run_is_an_error(tmp_path: Path) -> None:
    settings = task(tmp_path)
    shutil.rmtree(petafit.train(settings).folder.path)
    with pytest.raises(ConfigurationError, match="removing the run folder"):
        petafit.explain(settings)


def test_without_test_rows_explain_is_refused(tmp_path: Path) -> None:
    settings = task(tmp_path)
    petafit.train(settings)
    with pytest.raises(EmptyInputError, match="No rows to explain influence"):
        petafit.explain(with_settings(settings, split={"test": ("day > 60",)}))


def test_bad_test_rows_are_counted_and_refused(tmp_path: Path) -> None:
    settings = task(tmp_path)
    petafit.train(settings)
    strict = {"columns": {"speed": {"max": 2.0}}, "max_bad_share": 0.01}
    with pytest.raises(ContractError, match="break the contract"):
        petafit.explain(with_settings(settings, contract=strict))


@pytest.mark.spark
def test_both_engines_give_the_same_influence(tmp_path: Path, spark: Any) -> None:
    settings = task(tmp_path)
    local = petafit.train(settings)
    expected = measured(petafit.explain(settings))
    on_spark = with_settings(settings, engine="spark")
    trained = petafit.train(on_spark, spark=spark)
    assert trained.manifest["model"]["digest"] == local.manifest["model"]["digest"]
    found = measured(petafit.explain(on_spark, spark=spark))
    for ours, theirs in zip(found["partitions"], expected["partitions"], strict=True):
        assert ours["partition"] == theirs["partition"]
        assert ours["change"] == pytest.approx(theirs["change"], rel=1e-9)
