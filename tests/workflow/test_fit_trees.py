"""XGBoost's trees on petafit's stream: the whole job in one process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from sklearn.metrics import log_loss, mean_squared_error

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError, EmptyInputError, StorageError
from petafit.models.xgboost import TreeModel
from petafit.workflow.evaluate import evaluate
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, table, with_settings
from tests.workflow.tree_tasks import VALIDATED, has_trees, held_out, model_of, of_trees, params


@pytest.fixture
def trees(settings: Settings) -> Settings:
    return of_trees(settings)


def test_a_model_is_trained_evaluated_loaded_and_scored(trees: Settings) -> None:
    trained = train(trees).manifest
    metrics = evaluate(trees).manifest["metrics"]
    assert trained["rows"] == {"in": 4500, "used": 4500, "quarantined": 0}
    assert metrics["log_loss"] < 0.85 * metrics["base_log_loss"]
    assert [each["feature"] for each in trained["weights"]["features"]] == [
        "city",
        "speed",
        "weekend",
    ]

    model, rows = model_of(trees), held_out()
    probabilities = model.predict_proba(rows)
    assert log_loss(rows["late"], probabilities) == pytest.approx(metrics["log_loss"])
    contributions = model.contributions(rows)
    assert contributions.shape == (len(rows), 4)
    margins = np.log(probabilities[:, 1] / probabilities[:, 0])
    np.testing.assert_allclose(contributions.sum(axis=1), margins, atol=1e-4)
    assert score(trees).manifest["outputs"][0]["rows"] == 6000


def test_the_same_settings_give_the_same_bytes(trees: Settings) -> None:
    sampled = with_settings(trees, learner=params(subsample=0.7, colsample_bytree=0.7))
    assert len({train(sampled).manifest["model"]["digest"] for _ in range(2)}) == 1


def test_trees_are_those_of_xgboost_itself(trees: Settings) -> None:
    few = pa.array([text[:6] for text in table()["city"].to_pylist()])  # 10 cities
    rewrite(trees, replace_column("city", few))
    train(trees)
    whole = replace_column("city", few).to_pandas()
    rows, test = whole.query("month <= 9"), whole.query("month >= 10")
    values = sorted(rows["city"].unique())
    frames = []
    for frame in (rows, test):
        columns = frame[["speed", "weekend", "city"]].copy()
        columns["city"] = columns["city"].astype("category").cat.set_categories(values)
        frames.append(columns)
    own = xgboost.XGBClassifier(n_estimators=20, learning_rate=0.1, enable_categorical=True).fit(
        frames[0], rows["late"]
    )
    ours = model_of(trees).predict_proba(test)[:, 1]
    # the order of the codes differs, and with it that of equal gains
    np.testing.assert_allclose(ours, own.predict_proba(frames[1])[:, 1], atol=0.01)


def test_validation_rows_end_the_training(trees: Settings) -> None:
    settings = with_settings(
        trees, split=VALIDATED, learner=params(n_estimators=400, learning_rate=0.5)
    )
    metrics = train(settings).manifest["metrics"]
    assert metrics["trees"] < 100
    assert model_of(settings).booster.num_boosted_rounds() == metrics["trees"]
    rows = table().to_pandas().query("month == 9")
    loss = log_loss(rows["late"], model_of(settings).predict_proba(rows))
    assert metrics["validation_log_loss"] == pytest.approx(loss)


def test_validation_rows_that_there_are_not_are_told_before_the_trees_grow(
    trees: Settings,
) -> None:
    settings = with_settings(trees, split={**VALIDATED, "validation": "month = 99"})
    with pytest.raises(EmptyInputError, match=r"No rows to validate.*split\.validation"):
        train(settings, run_id="none")
    assert not list(Path(settings.paths.runs).glob("none/trees/*/trees.npz"))


def test_several_classes_and_weights(trees: Settings) -> None:
    kind = np.where(table()["late"], np.arange(6000) % 2 + 1, 0)
    rows = table().append_column("kind", pa.array([f"k{each}" for each in kind]))
    rewrite(trees, rows.append_column("weight", pa.array((kind != 2).astype(float))))
    settings = with_settings(trees, label={"column": "kind"}, weight="weight")
    assert train(settings).manifest["rows"]["used"] < 4500
    probabilities = model_of(settings).predict_proba(held_out())
    assert probabilities.shape[1] == 2  # rows of weight 0 are none: their class does not occur

    settings = with_settings(trees, label={"column": "kind"})
    train(settings)
    found = model_of(settings).predict_proba(held_out())
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert found.shape[1] == 3
    assert model_of(settings).contributions(held_out()).shape == (1500, 3, 6)
    assert model_of(settings).matrix.names[2:] == ["city, k0", "city, k1", "city, k2"]


def test_a_regressor_of_dates_and_many_values(trees: Settings) -> None:
    day = pa.array(np.arange(6000) % 365, pa.int32()).cast(pa.date32())
    rows = table().append_column("day", day)
    rows = rows.append_column("user", pa.array([f"u{k % 900}" for k in range(6000)]))
    value = np.arange(6000) % 365 // 31 + (np.arange(6000) % 900) / 90
    rewrite(trees, rows.append_column("value", pa.array(value)))
    settings = with_settings(
        trees,
        label={"column": "value"},
        features=[{"date": "day", "parts": ["month"]}, {"categorical": "user"}],
        learner={"name": "xgboost.XGBRegressor", "params": {"n_estimators": 60}},
    )
    train(settings)
    metrics = evaluate(settings).manifest["metrics"]
    test = rows.append_column("value", pa.array(value)).to_pandas().query("month >= 10")
    error = mean_squared_error(test["value"], model_of(settings).predict(test))
    assert metrics["mean_squared_error"] == pytest.approx(error)
    assert error < 0.2 * value.var()


def test_rows_that_do_not_fit_into_memory_stay_on_disk(
    trees: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    external = xgboost.ExtMemQuantileDMatrix

    def watched(rows: Any, **options: Any) -> Any:
        matrix = external(rows, **options)
        made.extend(path.name for path in tmp_path.glob("cache/*/*"))
        return matrix

    monkeypatch.setattr(xgboost, "ExtMemQuantileDMatrix", watched)
    in_memory = train(trees).manifest["model"]["digest"]
    assert made == []
    (tmp_path / "cache").mkdir()
    small = with_settings(
        trees, training={"memory": "1kB"}, paths={"cache": str(tmp_path / "cache")}
    )
    assert train(small).manifest["model"]["digest"] == in_memory
    assert made != []
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_killed_run_resumes_to_the_same_bytes(trees: Settings, tmp_path: Path) -> None:
    settings = with_settings(
        trees,
        split=VALIDATED,
        learner=params(n_estimators=300, early_stopping_rounds=300),
        training={"checkpoint_seconds": 0.01},
    )
    undisturbed = train(settings).manifest["model"]["digest"]
    path = tmp_path / "settings.json"
    path.write_text(settings.model_dump_json())
    code = (
        "import sys, petafit; from petafit.config.settings import Settings;"
        "petafit.train(Settings.model_validate_json(open(sys.argv[1]).read()), run_id='killed')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, path])
    run = Path(settings.paths.runs) / "killed"
    while not has_trees(run) and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert json.loads((run / "manifest.json").read_text())["status"] == "running"
    assert has_trees(run)

    resumed = train(settings, run_id="killed").manifest
    assert resumed["model"]["digest"] == undisturbed
    assert not (run / "trees").exists()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([{"text": "city"}], "does not take the feature 'city_words'"),
        ([{"cross": [["city", "weekend"]]}], "needs features|not among"),
    ],
)
def test_features_that_trees_do_not_take_are_refused(
    trees: Settings, features: list[Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        train(with_settings(trees, features=features))


def test_labels_that_the_objective_does_not_take_are_refused(trees: Settings) -> None:
    rewrite(trees, replace_column("late", np.full(6000, -1.0)))
    learner = {"name": "xgboost.XGBRegressor", "params": {"objective": "count:poisson"}}
    with pytest.raises(ConfigurationError, match=r"XGBoost cannot learn from these rows.*non-?neg"):
        train(with_settings(trees, learner=learner))


def test_bad_rows_are_counted(trees: Settings) -> None:
    speed = table()["speed"].to_numpy(zero_copy_only=False).copy()
    speed[:100] = np.inf
    rewrite(trees, replace_column("speed", speed))
    with pytest.raises(ContractError, match="100 of 4,500 rows break the contract"):
        train(trees)
    lenient = with_settings(trees, contract={"max_bad_share": 0.1})
    assert train(lenient).manifest["rows"] == {"in": 4500, "used": 4400, "quarantined": 100}


def test_damaged_trees_are_told(trees: Settings) -> None:
    train(trees)
    named = model_of(trees).to_state_dict()
    content = named.arrays["xgboost/trees"].copy()
    content[len(content) // 2 :] = 0
    damaged = type(named)({**named.arrays, "xgboost/trees": content}, named.params)
    with pytest.raises(StorageError, match="trees of a stored model are damaged"):
        TreeModel.from_state_dict(damaged)
