"""Training in parts and Newton rounds, as a job: messages and quality."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from petafit.config.settings import Settings
from petafit.errors import ContractError
from petafit.store.filesystem import Folder
from petafit.workflow.train import train
from tests.small import table, with_settings, write_table


def test_the_number_of_parts_changes_the_model(settings: Settings) -> None:
    """Fewer syncs are another model, and the same settings the same one."""
    digests = [
        train(with_settings(settings, training={"parts": parts})).manifest["model"]["digest"]
        for parts in (1, 2, 2)
    ]
    assert digests[0] != digests[1]
    assert digests[1] == digests[2]


@pytest.mark.parametrize("merge", ["mean", "touched", "evidence"])
def test_plain_rules_have_no_merge_holdout(settings: Settings, merge: str) -> None:
    run = train(with_settings(settings, training={"merge": merge, "rounds": 1}))
    assert run.manifest["metrics"]["log_loss"] < run.manifest["metrics"]["base_log_loss"]
    assert run.manifest["rows"]["used"] == 4500


@pytest.fixture
def sizes(settings: Settings, tmp_path: Path) -> Settings:
    """The small table with a number and a size of three that follow from `speed`."""
    content = table()
    pace = (content["speed"].fill_null(100).to_numpy() - 100) / 15
    size = np.array(["small", "medium", "large"])[np.digitize(pace, [-0.5, 0.5])]
    content = content.append_column("pace", pa.array(pace)).append_column("size", pa.array(size))
    write_table(tmp_path / "sizes", content)
    return with_settings(
        settings,
        table=str(tmp_path / "sizes"),
        split={"train": "month <= 9", "validation": "month = 10", "test": "month > 10"},
        training={"rounds": 1},
    )


@pytest.mark.parametrize(
    ("name", "params", "label", "feature", "loss"),
    [
        ("SGDClassifier", {"loss": "log_loss"}, "late", {"numeric": "speed"}, "log_loss"),
        ("SGDClassifier", {"loss": "log_loss"}, "size", {"numeric": "speed"}, "log_loss"),
        ("Perceptron", {}, "late", {"numeric": "speed"}, None),
        ("SGDRegressor", {}, "pace", {"boolean": "late"}, "mean_squared_error"),
    ],
)
def test_linear_models_of_scikit_learn_stack(
    sizes: Settings,
    name: str,
    params: dict[str, str],
    label: str,
    feature: dict[str, str],
    loss: str | None,
) -> None:
    """In two parts, on three shards, better than by the plain mean, which has no merge holdout."""
    task = with_settings(
        sizes,
        label=label,
        features=[{"categorical": "city"}, feature],
        learner={"name": f"sklearn.{name}", "params": params},
    )
    averaged = train(with_settings(task, training={"merge": "mean"})).manifest
    stacked = train(with_settings(task, training={"parts": 2})).manifest
    assert [done["merge_holdout"] for done in averaged["rounds"]] == [None]
    assert len(stacked["rounds"]) == 2
    for done in stacked["rounds"]:
        assert done["merge_holdout"]["after"] <= done["merge_holdout"]["before"]
    by_mean, by_stacking = (
        run["metrics"][f"validation_{loss}"] if loss else -run["metrics"]["validation_accuracy"]
        for run in (averaged, stacked)
    )
    assert by_stacking < by_mean


@pytest.mark.parametrize(
    ("training", "reported"),
    [
        ({"parts": 2, "shards": 1}, "training.parts;"),
        (
            {"merge_holdout": 9, "parts": 2, "merge": "mean"},
            "training.merge_holdout, training.parts;",
        ),
        ({"parts": 2}, None),
    ],
)
def test_settings_without_effect_are_reported(
    settings: Settings,
    training: dict[str, object],
    reported: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "petafit"):
        train(with_settings(settings, training={"rounds": 1, **training}))
    messages = [m for m in caplog.messages if m.startswith("no effect")]
    assert (reported in messages[0]) if reported else not messages


def test_an_exact_training_reports_that_a_rule_has_no_effect(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    exact = {"name": "sklearn.BernoulliNB"}
    with caplog.at_level(logging.INFO, "petafit"):
        train(with_settings(settings, learner=exact, training={"rounds": 1, "merge": "mean"}))
    (reported,) = (m for m in caplog.messages if m.startswith("no effect: training.merge,"))
    assert reported.endswith("shards of sklearn.BernoulliNB merge exactly")


def test_bad_rows_of_a_part_count_towards_the_limit_of_all_parts(settings: Settings) -> None:
    """Two months are bad: the first eighth, which is the first part, has no other rows."""
    parts = {"rounds": 1, "parts": 4, "shards": 2}
    broken = {"max_bad_share": 0.3, "columns": {"month": {"min": 3}}}
    run = train(with_settings(settings, training=parts, contract=broken)).manifest
    assert run["rows"]["quarantined"] == 1000
    assert run["rounds"][0]["rows"]["used"] == 0
    assert run["rows"]["used"] == 3500
    assert not Folder(f"{settings.paths.runs}/{run['run_id']}/passes").names()
    assert run["metrics"]["log_loss"] < run["metrics"]["base_log_loss"]
    strict = {**broken, "max_bad_share": 0.2}
    with pytest.raises(ContractError, match="1,000 of 4,500 rows break the contract"):
        train(with_settings(settings, training=parts, contract=strict))


def test_an_exact_learner_takes_one_round(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    exact = with_settings(settings, learner={"name": "sklearn.BernoulliNB", "params": {}})
    with caplog.at_level(logging.INFO, "petafit"):
        twice = train(with_settings(exact, training={"rounds": 2})).manifest["model"]["digest"]
    assert "one round, not 2" in caplog.text
    assert twice == train(with_settings(exact, training={"rounds": 1})).manifest["model"]["digest"]
