"""The weather's task as it is shipped: a second raw table by files only."""

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.layers import load_settings


@pytest.mark.spark
def test_it_is_prepared_trained_evaluated_and_scored(spark: Any, tmp_path: Path) -> None:
    folders = [f"paths.{name}={tmp_path / name}" for name in ("data", "runs", "models")]
    overrides = [*folders, f"table.uri={tmp_path / 'weather'}"]
    settings = load_settings(task="weather", conf="conf", overrides=overrides).settings
    prepared = petafit.prepare(settings, spark=spark).manifest["rows"]
    assert prepared["in"] == prepared["out"] > 26_000
    trained = petafit.train(settings, spark=spark).manifest
    assert {stage["runs"] for stage in trained["stages"]} == {"petafit"}
    metrics = petafit.evaluate(settings, spark=spark).manifest["metrics"]
    assert metrics["r2"] > 0.9
    petafit.score(settings, spark=spark)
    scored = DeltaTable(str(tmp_path / "weather_predictions")).to_pyarrow_table()
    assert scored.num_rows == prepared["out"]
