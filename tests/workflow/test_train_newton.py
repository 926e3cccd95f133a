"""Newton rounds of a training, as a job: what they are fitted to, and that they are worth it."""

import logging

import numpy as np
import pyarrow.compute as pc
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.models.model import load_model
from petafit.store.arrays import StateDict
from petafit.training import steps
from petafit.training.loop import TrainingLoop
from petafit.training.round import Round
from petafit.training.state import TrainingState
from petafit.training.steps import Steps
from petafit.workflow import job
from petafit.workflow.train import train
from tests.small import table, with_settings


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


def test_newton_rounds_are_refused_for_learners_of_spark(settings: Settings) -> None:
    asked = with_settings(
        settings, learner={"name": "mllib.LogisticRegression"}, training={"newton": 1}
    )
    with pytest.raises(ConfigurationError, match="cannot refine mllib"):
        train(asked)


def test_newton_without_a_merge_holdout_is_an_error(settings: Settings) -> None:
    few = {"newton": 1, "merge_holdout": 1, "seed": 3, "rounds": 1, "parts": 1}
    with pytest.raises(ConfigurationError, match="none was held out"):
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
