"""Rows and models whose numbers are not finite, from training to scoring."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.workflow.score import score
from petafit.workflow.train import train

ROWS = 2_000


def settings_of(folder, *, huge=None, place=-1, times=1.0, **changes):
    """A line through 1 with slope 2, in which one value may be huge, or all of them."""
    x = np.random.default_rng(0).normal(size=ROWS)
    y = 2 * x + 1
    noise = np.random.default_rng(1).normal(size=ROWS)
    if huge is not None:
        x[place] = huge
    (folder / "table").mkdir(exist_ok=True)
    pq.write_table(
        pa.table({"id": np.arange(ROWS), "x": x * times, "y": y, "high": y + noise > 1}),
        folder / "table" / "rows.parquet",
        row_group_size=500,
    )
    task = {
        "task": "line",
        "engine": "local",
        "paths": {name: str(folder / name) for name in ("data", "runs", "models")},
        "table": str(folder / "table"),
        "label": "y",
        "keys": ("id",),
        "features": [{"numeric": "x", "scale": "none"}],
        "hash_bits": 8,
        "learner": "petafit.OnlineLinearRegressor",
        "training": {"shards": 1},
        "score": {"format": "parquet"},
    }
    return Settings(**{**task, **changes})


@pytest.mark.parametrize("shards", [1, 2, 4])
@pytest.mark.parametrize(
    "learner", ["petafit.OnlineLinearRegressor", "petafit.FactorizationMachineRegressor"]
)
def test_a_spoilt_value_in_the_last_row_leaves_a_model_of_the_others(tmp_path, learner, shards):
    settings = settings_of(tmp_path, huge=1e20, learner=learner, training={"shards": shards})
    assert train(settings).manifest["status"] == "succeeded"
    found = petafit.load_model(tmp_path / "models" / "line").predict(
        pd.DataFrame({"x": [0.0, 1.0]})
    )
    np.testing.assert_allclose(found, [1, 3], atol=0.5)


@pytest.mark.parametrize(
    "learner",
    [
        {"name": "petafit.OnlineLinearRegressor"},
        {"name": "sklearn.SGDRegressor", "params": {"learning_rate": "constant", "eta0": 1e300}},
        {"name": "sklearn.MLPRegressor", "params": {"learning_rate_init": 1e300, "solver": "sgd"}},
        {"name": "petafit.OnlineLinearRegressor", "params": {"learning_rate": 1e14}},
        {"name": "petafit.Ridge"},
    ],
    ids=lambda learner: learner["name"],
)
def test_a_learner_that_diverges_publishes_nothing(tmp_path, learner):
    settings = settings_of(tmp_path, huge=1e300, learner=learner)
    with pytest.raises((ConfigurationError, ContractError)):
        train(settings)
    assert not [*tmp_path.glob("models/*/versions/*")]


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize(
    ("label", "learner"),
    [
        ("y", {"name": "sklearn.SGDRegressor"}),
        ("high", {"name": "sklearn.SGDClassifier", "params": {"loss": "hinge"}}),
        ("high", {"name": "sklearn.SGDClassifier", "params": {"loss": "squared_hinge"}}),
    ],
)
def test_an_infinite_loss_of_training_is_refused_with_the_way_to_mend_it(
    tmp_path, label, learner, shards
):
    unscaled = settings_of(
        tmp_path, times=1e20, label=label, learner=learner, training={"shards": shards}
    )
    with pytest.raises(ConfigurationError, match=r"diverged.*trained on.*Scale the numeric feat"):
        train(unscaled)
    assert not [*tmp_path.glob("models/*/versions/*")]
    scaled = [{"numeric": "x", "scale": "standard"}]
    assert train(Settings(**unscaled.model_dump() | {"features": scaled})).manifest["metrics"]


def test_a_prediction_that_is_not_finite_is_not_ok(tmp_path):
    train(settings_of(tmp_path))
    manifest = score(settings_of(tmp_path, huge=1e300, place=7)).manifest
    assert manifest["rows"]["quarantined"] == 1
    found = pq.read_table(tmp_path / "table_predictions").to_pandas().sort_values("id")
    status = found.row_status.to_numpy()
    assert status[7] == "quarantined: the prediction is not finite"
    assert np.isnan(found.prediction.to_numpy()[7])
    assert set(np.delete(status, 7)) == {"ok"}
    assert np.isfinite(np.delete(found.prediction.to_numpy(), 7)).all()


def test_predict_refuses_a_row_that_it_cannot_predict(tmp_path):
    train(settings_of(tmp_path))
    model = petafit.load_model(tmp_path / "models" / "line")
    with pytest.raises(ContractError, match="Row 1 cannot be predicted: the prediction is not fin"):
        model.predict(pd.DataFrame({"x": [0.0, 1e300]}))


def test_evaluation_refuses_a_row_that_it_cannot_measure(tmp_path):
    train(settings_of(tmp_path))
    with pytest.raises(ContractError, match="cannot be measured: the prediction is not finite"):
        petafit.evaluate(settings_of(tmp_path, huge=1e300))
