"""Models that may be of no use: said in the log and in the manifest, of those and of no others."""

import logging
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from petafit.config.settings import Settings
from petafit.models.store import ModelStore
from petafit.store.runs import Run
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, with_settings

ROWS = 3000
CLASSIFIERS: list[dict[str, Any]] = [
    {"name": "petafit.OnlineLinearClassifier"},
    {"name": "petafit.FactorizationMachineClassifier"},
    {"name": "sklearn.Perceptron"},
    {"name": "sklearn.MLPClassifier"},
    {"name": "sklearn.SGDClassifier", "params": {"loss": "squared_error", "alpha": 0.01}},
]
REGRESSORS: list[dict[str, Any]] = [
    {"name": "petafit.OnlineLinearRegressor"},
    {"name": "petafit.OnlineLinearRegressor", "params": {"loss": "quantile", "quantile": 0.99}},
    {"name": "petafit.FactorizationMachineRegressor"},
    {"name": "petafit.Ridge"},
    {"name": "sklearn.SGDRegressor"},
    {"name": "sklearn.MLPRegressor"},
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rows(unit: float) -> pa.Table:
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, 2))
    late = random.random(ROWS) < 1 / (1 + np.exp(-3 * X[:, 0]))
    return pa.table(
        {
            "id": np.arange(ROWS),
            "month": (np.arange(ROWS) * 12 // ROWS + 1).astype(np.int32),
            "a": X[:, 0] * unit,
            "b": X[:, 1] * unit,
            "weight": np.full(ROWS, 1.0),
            "late": late,
            "value": 2 * X[:, 0] + random.normal(size=ROWS),
        }
    )


def task(
    settings: Settings, learner: dict[str, Any], *, unit: float, scale: str = "none", **changes: Any
) -> Settings:
    rewrite(settings, rows(unit))
    asked = {
        "features": [{"numeric": ["a", "b"], "scale": scale}],
        "label": "late" if learner["name"].endswith(("Classifier", "Perceptron")) else "value",
        "learner": learner,
        "hash_bits": 8,
        "training": {"shards": 1, "rounds": 2, "batch_rows": 500},
    }
    return with_settings(settings, **(asked | changes))


def warnings(run: Run) -> list[str]:
    found: list[str] = run.manifest["warnings"]
    return found


@pytest.mark.parametrize(
    ("learner", "unit", "said"),
    [
        ("sklearn.MLPRegressor", 1e20, "its mean squared error is "),
        ("sklearn.SGDRegressor", 1e4, "its mean squared error is "),
        ("petafit.FactorizationMachineClassifier", 1e8, "its log-loss is "),
    ],
)
def test_a_model_far_worse_than_a_constant_is_said(
    settings: Settings, caplog: pytest.LogCaptureFixture, learner: str, unit: float, said: str
) -> None:
    settings = task(settings, {"name": learner}, unit=unit)
    for split, where in (({}, "trained on"), ({"validation": "month = 9"}, "validation rows")):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "petafit"):
            run = train(with_settings(settings, split=split))
        (found,) = (each for each in warnings(run) if "worse than a constant" in each)
        assert found in caplog.messages
        assert where in found
        assert said in found
    measured = warnings(evaluate(settings))
    assert len(measured) == 1
    assert "worse than a constant: on the rows measured, its" in measured[0]


def test_decisions_worse_than_random_ones_are_said(settings: Settings) -> None:
    """Of margins, on months whose labels are turned."""
    learner = {"name": "petafit.OnlineLinearClassifier", "params": {"loss": "hinge"}}
    settings = task(settings, learner, unit=1.0)
    turned = rows(1.0)
    late = np.array(turned["late"]) ^ (turned["month"].to_numpy() > 9)
    place = turned.schema.get_field_index("late")
    rewrite(settings, turned.set_column(place, "late", pa.array(late)))
    assert warnings(train(settings)) == []
    (found,) = warnings(evaluate(settings))
    assert "its accuracy is 0.1" in found
    assert "that of random decisions 0.5" in found


@pytest.mark.parametrize("learner", [*CLASSIFIERS, *REGRESSORS], ids=lambda choice: choice["name"])
def test_good_models_are_not_warned_of(settings: Settings, learner: dict[str, Any]) -> None:
    settings = task(settings, learner, unit=50.0, scale="standard")
    assert warnings(train(settings)) == []
    assert warnings(evaluate(settings)) == []


@pytest.mark.parametrize("balanced", ["balanced", {"true": 500.0}])
def test_a_rare_class_of_much_weight_is_not_warned_of(settings: Settings, balanced: object) -> None:
    random = np.random.default_rng(0)
    rewrite(settings, replace_column("late", random.random(6000) < 0.002))
    learner = {"name": "petafit.OnlineLinearClassifier", "params": {"class_weight": balanced}}
    settings = with_settings(settings, learner=learner)
    assert warnings(train(settings)) == []
    assert warnings(evaluate(settings)) == []


@pytest.mark.parametrize(
    "learner", ["petafit.OnlineLinearClassifier", "petafit.FactorizationMachineClassifier"]
)
def test_columns_far_from_1_are_named(settings: Settings, learner: str) -> None:
    changed = rows(1.0)
    changed = changed.set_column(2, "a", pa.array(2013 + 3 * changed["a"].to_numpy()))
    settings = task(settings, {"name": learner}, unit=1.0)
    rewrite(settings, changed)
    (found,) = warnings(train(settings))
    assert found == (
        f"{learner} overshoots with numbers so far from 1: 'a' (about 2e+03). Set `scale: "
        "standard` for them in `features`"
    )
    for scaled in ({"scale": "standard"}, {"scale": "minmax"}, {"log1p": True}):
        again = with_settings(settings, features=[{"numeric": ["a", "b"], **scaled}])
        assert warnings(train(again)) == []


def test_light_rows_are_learnt_as_others(settings: Settings) -> None:
    """By petafit's own learners; of scikit-learn's it is said."""
    losses = {}
    for weight in (1.0, 1e-6, 1e-30):
        changed = rows(1.0)
        place = changed.schema.get_field_index("weight")
        asked = task(settings, {"name": "petafit.OnlineLinearClassifier"}, unit=1.0)
        asked = with_settings(asked, weight="weight", features=[{"numeric": ["a", "b"]}])
        rewrite(asked, changed.set_column(place, "weight", pa.array(np.full(ROWS, weight))))
        assert warnings(train(asked)) == []
        losses[weight] = evaluate(asked).manifest["metrics"]["log_loss"]
    assert losses[1e-6] == pytest.approx(losses[1.0], rel=1e-5)
    assert losses[1e-30] == pytest.approx(losses[1.0], rel=1e-5)
    assert losses[1.0] < 0.5
    learner = {"name": "sklearn.SGDClassifier", "params": {"loss": "log_loss"}}
    (found,) = warnings(train(with_settings(asked, learner=learner)))
    assert "the weights in 'weight' of 2,250 rows sum to 2.25e-27: steps of" in found


def test_a_resumed_run_says_it_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = {"name": "petafit.OnlineLinearClassifier", "params": {"learning_rate": 0.1}}
    settings = task(settings, learner, unit=1e8)
    with monkeypatch.context() as broken:
        broken.delattr(ModelStore, "publish")
        with pytest.raises(AttributeError):
            train(settings, run_id="one")
    overshoots, worse = warnings(train(settings, run_id="one"))
    assert "overshoots" in overshoots
    assert "worse than a constant" in worse
