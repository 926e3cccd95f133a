"""Training in parts and Newton rounds, as a job: messages and quality."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.models.model import load_model
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from petafit.training import steps
from petafit.training.loop import TrainingLoop
from petafit.training.round import Round
from petafit.training.state import TrainingState
from petafit.training.steps import Steps
from petafit.workflow import job
from petafit.workflow.train import train
from tests.small import table, with_settings, write_table


def test_newton_rounds_follow_the_online_ones(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = with_settings(
        settings, training={"rounds": 1, "parts": 2, "newton": 2, "patience": 9}
    )
    with caplog.at_level(logging.INFO, logger="petafit"):
        metrics = train(settings).manifest["metrics"]
    assert metrics["rounds"] == 3
    reported = [record.message for record in caplog.records if " held back " in record.message]
    assert [message.split(" held back")[0] for message in reported] == [
        "round 1 part 1",
        "round 1 part 2",
        "newton round 2",
        "newton round 3",
    ]
    assert caplog.text.count("objective before=") == 2


@pytest.mark.parametrize("shards", [1, 3])
def test_newton_rounds_need_rows_to_be_judged_by(settings: Settings, shards: int) -> None:
    wanted = {"newton": 1, "shards": shards}
    assert train(with_settings(settings, training=wanted)).finished
    with pytest.raises(ConfigurationError, match="merge_holdout above 0"):
        train(with_settings(settings, training={**wanted, "merge_holdout": 0}))
    validated = {"train": "month <= 8", "validation": "month = 9", "test": "month >= 10"}
    plain = {**wanted, "merge_holdout": 0, "merge": "mean"}
    assert train(with_settings(settings, split=validated, training=plain)).finished


@pytest.mark.parametrize("validated", [True, False])
def test_newton_rounds_reach_the_optimum_whatever_the_shards(
    settings: Settings, validated: bool
) -> None:
    """The optimum of all rows, or, without validation, of all outside the merge holdout."""
    split = {"train": "month <= 8", "validation": "month = 9", "test": "month >= 10"}
    task = with_settings(
        settings,
        learner={"params": {"l2": 1e-3}},
        training={"rounds": 1, "newton": 8, "patience": 99, "merge_holdout": 400},
        **({"split": split} if validated else {}),
    )
    reached = []
    for shards in (1, 3):
        rounds = train(with_settings(task, training={"shards": shards})).manifest["rounds"]
        objectives = [done["objective"] for done in rounds if done["kind"] == "newton"]
        assert objectives[0] > objectives[-1] + 1e-3
        reached.append(objectives[-1])
    if validated:
        assert reached[0] == pytest.approx(reached[1], abs=1e-5)
    model = load_model(f"{settings.paths.models}/small")
    rows = table().filter(pc.field("month") <= (8 if validated else 9))
    encoded = model.encoder(rows.combine_chunks().to_batches()[0])
    peer = LogisticRegression(C=1 / (1e-3 * rows.num_rows), tol=1e-8, max_iter=5000)
    peer.fit(encoded.X.astype(np.float64), encoded.y)
    loss = log_loss(encoded.y, peer.predict_proba(encoded.X))
    least = loss + 1e-3 / 2 * float((peer.coef_**2).sum())
    assert reached[1] == pytest.approx(least, abs=1e-5 if validated else 5e-3)


def test_a_newton_round_that_makes_it_worse_is_not_published(settings: Settings) -> None:
    """Too few rows for the coordinates, without penalty: the optimum is far away."""
    cities = [{"categorical": "city"}, {"cross": [["city", "weekend"]]}, {"boolean": "weekend"}]
    few = {"train": "id < 150", "validation": "month = 9", "test": "month >= 10"}
    task = with_settings(settings, split=few, features=cities, training={"shards": 1, "rounds": 3})
    plain = train(task).manifest["metrics"]["validation_log_loss"]
    newton = train(with_settings(task, training={"newton": 6, "patience": 99})).manifest
    judged = [done["validation"]["log_loss"] for done in newton["rounds"]]
    assert max(judged) == judged[-1] > plain
    assert newton["metrics"]["validation_log_loss"] == min(judged) <= plain


def test_nothing_is_fitted_to_the_rows_that_judge_newton_rounds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[np.ndarray]] = {"fitted": [], "judged": []}
    stack, judged = OnlineLearner.stack, steps.mean_loss

    def stacked(
        self: OnlineLearner, summary: StateDict, model: StateDict | None, rows: Batch
    ) -> object:
        seen["fitted"].append(rows.X.toarray())
        return stack(self, summary, model, rows)

    def measured(learner: OnlineLearner, model: StateDict, rows: Batch) -> float:
        seen["judged"].append(rows.X.toarray())
        return judged(learner, model, rows)

    monkeypatch.setattr(OnlineLearner, "stack", stacked)
    monkeypatch.setattr(steps, "mean_loss", measured)
    speed = [{"numeric": "speed", "impute": "none"}, {"numeric": "id", "scale": "none"}]
    task = with_settings(settings, features=speed, keys=[], training={"parts": 1, "newton": 2})
    train(task)
    fitted, judges = ({tuple(row) for X in seen[part] for row in X} for part in seen)
    assert fitted
    assert judges
    assert not fitted & judges


def test_a_killed_refinement_resumes_to_the_same_model(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The points that steps remember are those of the rounds kept."""
    monkeypatch.setattr(job, "code_digest", lambda: "the same")
    task = with_settings(settings, training={"rounds": 1, "newton": 5, "patience": 99})
    whole = train(task, run_id="whole").manifest
    take = Steps.newton

    def cut_off(self: Steps, at: TrainingState, planned: Round, *rest: object) -> object:
        if planned.number == 5:
            raise KeyboardInterrupt
        return take(self, at, planned, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Steps, "newton", cut_off)
        with pytest.raises(KeyboardInterrupt):
            train(task, run_id="killed")
    again = train(task, run_id="killed").manifest
    assert again["model"]["digest"] == whole["model"]["digest"]
    wanted = [done["objective"] for done in whole["rounds"]]
    assert [done["objective"] for done in again["rounds"]] == wanted


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


def test_newton_rounds_are_refused_for_learners_of_spark(settings: Settings) -> None:
    asked = with_settings(
        settings, learner={"name": "mllib.LogisticRegression"}, training={"newton": 1}
    )
    with pytest.raises(ConfigurationError, match="cannot refine mllib"):
        train(asked)


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


def test_newton_without_a_merge_holdout_is_an_error(settings: Settings) -> None:
    few = {"newton": 1, "merge_holdout": 1, "seed": 3, "rounds": 1, "parts": 1}
    with pytest.raises(ConfigurationError, match="none was put aside"):
        train(with_settings(settings, training=few, table={"filter": ["id < 60"]}))


def test_newton_starts_from_the_best_round(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second round is worse, and ends the online ones."""
    judged = iter([0.5, 0.6, 0.7, 0.8, 0.9])
    monkeypatch.setattr(TrainingLoop, "loss", lambda *_: next(judged))
    monkeypatch.setattr(Steps, "judged", lambda *_: 0.5)
    began: list[float] = []
    take = Steps.newton

    def noted(self: Steps, at: TrainingState, *rest: object) -> object:
        began.append(at.best_weights is at.weights)
        return take(self, at, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Steps, "newton", noted)
    wanted = {"rounds": 3, "parts": 1, "newton": 2, "patience": 1}
    metrics = train(with_settings(settings, training=wanted)).manifest["metrics"]
    assert metrics["rounds"] == 3  # two online ones, and one of Newton's without gain
    assert began == [True]


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
