import json
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from petafit.config.settings import Settings
from petafit.workflow.prepare import prepare


@pytest.fixture
def clicks(tmp_path: Path) -> Settings:
    return Settings(
        task="clicks",
        engine="local",
        dataset={"name": "clicks", "rows": 20_000, "days": 4},
        paths={name: str(tmp_path / name) for name in ("data", "runs", "models")},
        table=str(tmp_path / "data" / "clicks"),
        label="click",
        split={"train": "day <= 2", "test": "day >= 3"},
    )


def rows(uri: str, *keys: str) -> Any:
    table = DeltaTable(uri).to_pyarrow_table()
    return table.select(sorted(table.column_names)).sort_by([(key, "ascending") for key in keys])


def test_the_clicks_do_not_depend_on_the_shards(clicks: Settings) -> None:
    keys = ("day", "i1", "i2", "i3", "c1", "c2", "c3")
    prepare(clicks)
    once = rows(clicks.table.uri, *keys)
    prepare(
        clicks.model_copy(update={"training": clicks.training.model_copy(update={"shards": 3})})
    )
    assert rows(clicks.table.uri, *keys).equals(once)
    assert once.num_rows == 20_000
    assert "probability" not in once.column_names


def test_the_best_log_loss_stands_beside_the_table(clicks: Settings) -> None:
    manifest = prepare(clicks).manifest
    best = json.loads(Path(f"{clicks.table.uri}.best.json").read_text())
    assert best["test_rows"]["log_loss"] == manifest["metrics"]["best_log_loss"]
    assert best["all_rows"]["log_loss"] < 0.8 * best["all_rows"]["base_log_loss"]
    assert best["all_rows"]["calibration_error"] < 0.02


def test_the_clicks_can_be_parquet(clicks: Settings) -> None:
    dataset = clicks.dataset.model_copy(update={"format": "parquet"})  # type: ignore[union-attr]
    clicks = clicks.model_copy(update={"dataset": dataset})
    assert prepare(clicks).manifest["outputs"][0]["format"] == "parquet"
    assert prepare(clicks).manifest["status"] == "succeeded"
    assert ds.dataset(clicks.table.uri, partitioning="hive").count_rows() == 20_000


def test_texts_come_with_the_best_accuracy(tmp_path: Path) -> None:
    settings = Settings(
        task="texts",
        engine="local",
        dataset={"name": "texts", "rows": 5_000, "days": 4},
        paths={name: str(tmp_path / name) for name in ("data", "runs", "models")},
        table=str(tmp_path / "data" / "texts"),
        label="label",
        split={"train": "day <= 2", "test": "day >= 3"},
        training={"shards": 3},
    )
    manifest = prepare(settings).manifest
    best = json.loads(Path(f"{settings.table.uri}.best.json").read_text())
    assert best["test_rows"]["accuracy"] == manifest["metrics"]["best_accuracy"]
    assert best["all_rows"]["accuracy"] == pytest.approx(0.94, abs=0.02)
    table = rows(settings.table.uri, "id")
    assert table.column_names == ["day", "id", "label", "text"]
    assert table["id"].to_pylist() == list(range(5_000))
