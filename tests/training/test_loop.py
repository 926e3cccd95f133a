import logging
from typing import Any

import numpy as np
import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, DivergedError
from petafit.evaluation.regression import RegressionMetrics
from petafit.learners.arrays import diverged
from petafit.models.store import ModelStore
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from petafit.training.round import Round, Step
from petafit.training.state import TrainingState
from petafit.training.steps import Steps
from petafit.workflow import job
from petafit.workflow.train import train
from tests.small import with_settings


@pytest.mark.parametrize(("code", "kept"), [("the same", 2), ("another", 0)])
def test_finished_rounds_are_kept_for_attempts_with_the_same_code(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: str,
    kept: int,
) -> None:
    monkeypatch.setattr(job, "code_digest", lambda: "the same")
    with monkeypatch.context() as cut_off:
        cut_off.setattr(ModelStore, "publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            train(settings, run_id="again")
    monkeypatch.setattr(job, "code_digest", lambda: code)
    with caplog.at_level(logging.INFO, logger="petafit"):
        train(settings, run_id="again")
    assert caplog.text.count("was finished by an earlier attempt") == kept


def test_a_damaged_round_is_named_and_made_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    undisturbed = train(settings).manifest["model"]["digest"]
    with monkeypatch.context() as cut_off:
        cut_off.setattr(ModelStore, "publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            train(settings, run_id="again")
    rounds = Folder(settings.paths.runs).child("again", "rounds")
    damaged = rounds.names()[0]
    rounds.write(damaged, rounds.read(damaged)[:-100])
    assert train(settings, run_id="again").manifest["model"]["digest"] == undisturbed
    assert f"{damaged} is damaged: round 1" in caplog.text


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def standing(*losses: float | None) -> TrainingState:
    """After rounds with these losses."""
    at = TrainingState()
    for number, loss in enumerate(losses, start=1):
        at.add(Step(Round(number, 1, 1), StateDict(params={"round": number})))
        at.judge(loss)
    return at


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ((3.0, 2.0, 4.0), 2),
        ((np.nan, 2.0, 3.0), 2),
        ((2.0, np.nan), 1),
        ((np.inf, np.nan, 9.0, np.nan), 3),
        ((2.0, -np.inf), 1),
        ((None, None), 2),
    ],
)
def test_the_best_round_has_the_least_loss_that_is_a_number(losses: Any, best: int) -> None:
    at = standing(*losses)
    at.require_best()
    assert at.best_round.number == best
    assert at.best_weights.params["round"] == best


def test_a_training_whose_loss_is_nan_fails() -> None:
    with pytest.raises(ConfigurationError, match=r"no round.*finite number.*learning rate"):
        standing(np.nan, np.inf).require_best()


def test_a_run_whose_every_round_is_nan_publishes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RegressionMetrics, "loss", lambda *_: float("nan"))
    diverging = with_settings(
        settings,
        label="id",
        split={"train": "month <= 9", "validation": "month = 9", "test": "month >= 10"},
        learner="petafit.OnlineLinearRegressor",
        keys=(),
    )
    with pytest.raises(ConfigurationError, match="no round has a loss"):
        train(diverging)
    assert not [*ModelStore(settings.paths.models).list()]


def test_a_quantile_is_chosen_by_its_pinball_loss(settings: Settings) -> None:
    """Not by the squared error, which grows while a high quantile is learnt."""
    quantile = with_settings(
        settings,
        label="speed",
        features=[{"categorical": "city"}],
        table={"filter": ["speed is not null"]},
        split={"train": "month <= 9", "validation": "month = 9", "test": "month >= 10"},
        training={"shards": 1, "rounds": 5},
        learner={
            "name": "petafit.OnlineLinearRegressor",
            "params": {"loss": "quantile", "quantile": 0.97, "learning_rate": 0.02},
        },
    )
    run = train(quantile).manifest
    validated = [done["validation"] for done in run["rounds"]]
    squared, pinball = (
        [figures[name] for figures in validated] for name in ("mean_squared_error", "pinball_loss")
    )
    assert squared[-1] > squared[0]
    assert len(validated) == 5
    assert run["metrics"]["validation_pinball_loss"] == min(pinball) < pinball[0]


@pytest.mark.parametrize("diverging", [1, 2])
def test_a_round_that_diverges_leaves_the_best_before_it(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    diverging: int,
) -> None:
    fit = Steps.fit_shards

    def fitted(self: Steps, at: TrainingState, planned: Round, *rest: Any) -> Step:
        if planned.number == diverging:
            raise diverged("The learner", "weights")
        return fit(self, at, planned, *rest)

    monkeypatch.setattr(Steps, "fit_shards", fitted)
    if diverging == 1:
        with pytest.raises(DivergedError, match="its weights are no longer finite"):
            train(settings)
        return
    run = train(settings).manifest
    assert {done["number"] for done in run["rounds"]} == {1}
    assert run["model"]["version"] == 1
    assert "Round 1 stands" in caplog.text


def test_a_killed_refinement_after_a_diverged_round_resumes_to_the_same_model(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round that diverged has the number of the first Newton round."""
    monkeypatch.setattr(job, "code_digest", lambda: "the same")
    fit = Steps.fit_shards

    def fitted(self: Steps, at: TrainingState, planned: Round, *rest: Any) -> Step:
        if planned.number == 2:
            raise diverged("The learner", "weights")
        return fit(self, at, planned, *rest)

    monkeypatch.setattr(Steps, "fit_shards", fitted)
    task = with_settings(settings, training={"rounds": 3, "newton": 2, "patience": 99})
    whole = train(task, run_id="whole").manifest
    with monkeypatch.context() as cut_off:
        cut_off.setattr(ModelStore, "publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            train(task, run_id="again")
    again = train(task, run_id="again").manifest
    kinds = [(done["number"], done["kind"]) for done in again["rounds"]]
    assert kinds[-2:] == [(2, "newton"), (3, "newton")]
    assert again["model"]["digest"] == whole["model"]["digest"]


def test_an_infinite_loss_of_training_counts_where_no_other_rows_have_judged() -> None:
    for loss in (None, 1.5):
        standing().require_finite(loss)
    standing(0.5).require_finite(np.inf)
    for loss in (np.inf, np.nan):
        with pytest.raises(DivergedError, match=r"Scale the numeric features"):
            standing().require_finite(loss)
