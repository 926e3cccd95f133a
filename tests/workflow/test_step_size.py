"""`learning_rate: auto` in jobs: one number, in the manifest and in the model."""

from pathlib import Path
from typing import Any

import pytest

import petafit
from petafit.config.settings import Settings
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import with_settings


def chosen(settings: Settings, **changes: Any) -> float | None:
    return train(with_settings(settings, **changes)).manifest["learning_rate"]


def test_it_is_the_same_for_any_number_of_shards(settings: Settings) -> None:
    rates = {chosen(settings, training={"shards": shards}) for shards in (1, 2, 7)}
    assert len(rates) == 1
    assert None not in rates


@pytest.mark.spark
def test_it_is_the_same_on_both_streams(settings: Settings, spark: Any) -> None:
    scanned = with_settings(settings, engine="spark", stream="scan")
    assert train(scanned, spark=spark).manifest["learning_rate"] == chosen(settings)


def test_the_model_is_that_of_the_number(settings: Settings) -> None:
    auto = train(settings)
    rate = auto.manifest["learning_rate"]
    params = {"name": settings.learner.name, "params": {"learning_rate": rate}}
    given = train(with_settings(settings, learner=params))
    assert given.manifest["learning_rate"] is None
    assert given.manifest["model"]["digest"] == auto.manifest["model"]["digest"]
    model = petafit.load_model(Path(settings.paths.models) / "small")
    assert model.choice.params["learning_rate"] == rate


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_it_suits_numbers_of_any_scale(settings: Settings, scale: str) -> None:
    numeric = {"numeric": "speed", "scale": scale}
    features = [numeric, {"categorical": "city"}]
    scaled = with_settings(settings, features=features)
    train(scaled)
    metrics = evaluate(scaled).manifest["metrics"]
    assert metrics["log_loss"] < metrics["base_log_loss"]
