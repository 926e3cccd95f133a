"""Counts and means of the label, from the task to each kind of prediction, and refusals."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from sklearn.metrics import log_loss

import petafit
from petafit.adapters.spark.features import FeatureEncoder
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.workflow.evaluate import evaluate
from petafit.workflow.instances import open_instances
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import table, with_settings

RARE = {"categorical": "month", "min_count": 480}
FEATURES = [{"target": "city", "smoothing": 5}, {"count": "city"}, {"numeric": "speed"}, RARE]


@pytest.fixture
def looked_up(settings: Settings) -> Settings:
    return with_settings(settings, features=FEATURES)


def test_evaluation_prediction_and_scores_agree(looked_up: Settings) -> None:
    train(looked_up)
    metrics = evaluate(looked_up).manifest["metrics"]
    model = petafit.load_model(f"{looked_up.paths.models}/small")
    held_out = table().filter(pc.greater(table()["month"], 9)).drop_columns(["id"])
    own = model.predict_proba(held_out)
    assert log_loss(held_out["late"].to_pylist(), own) == pytest.approx(metrics["log_loss"])
    assert metrics["auc"] > 0.8  # of a number for each city, instead of a weight for each
    score(looked_up)
    scored = DeltaTable(f"{looked_up.table.uri}_predictions").to_pyarrow_table().sort_by("id")
    np.testing.assert_array_equal(
        scored["probability"].to_numpy(), model.predict_proba(table())[:, 1]
    )


def test_training_rows_alone_leave_their_fold_out(looked_up: Settings) -> None:
    """The test rows of other libraries are encoded as the model encodes them."""
    train(looked_up)
    encoder = petafit.load_model(f"{looked_up.paths.models}/small").encoder
    for part, wanted in (("train", False), ("test", True)):
        instances = open_instances(looked_up, part)
        raw = instances.source.read(0)
        first = next(iter(instances.shard(0))).X.toarray()
        expected = encoder(next(iter(raw)), labels=False).X.toarray()
        assert np.allclose(first, expected, atol=1e-6) is wanted


def test_shards_do_not_matter_to_the_tables(looked_up: Settings) -> None:
    train(looked_up)
    path = f"{looked_up.paths.models}/small"
    tables = petafit.load_model(path).encoder.statistics.tables
    train(with_settings(looked_up, training={"shards": 5, "batch_rows": 37}))
    for name, again in petafit.load_model(path).encoder.statistics.tables.items():
        np.testing.assert_allclose(again.values, tables[name].values, atol=1e-9)


@pytest.mark.spark
def test_spark_makes_the_same_model_and_predictions(looked_up: Settings, spark: Any) -> None:
    local = train(looked_up).manifest["model"]
    on_spark = with_settings(looked_up, engine="spark")
    assert train(on_spark, spark=spark).manifest["model"]["digest"] == local["digest"]
    model = petafit.load_model(f"{looked_up.paths.models}/small")
    frame = spark.read.parquet(str(looked_up.table.uri))
    scored = model.transform(frame).orderBy("id").select("probability").collect()
    own = model.predict_proba(table())[:, 1]
    np.testing.assert_allclose([row.probability for row in scored], own, rtol=1e-12)
    with pytest.raises(ConfigurationError, match=r"MLlib cannot learn from .*'city_target'"):
        train(with_settings(on_spark, learner={"name": "mllib.LogisticRegression"}), spark=spark)
    with pytest.raises(ConfigurationError, match=r"FeatureEncoder cannot make .*'city_count'"):
        FeatureEncoder(features=FEATURES[1:], labelCol="late").fit(frame)


def test_a_table_without_keys_is_refused(looked_up: Settings) -> None:
    with pytest.raises(ConfigurationError, match="'city_target' needs `keys`"):
        train(with_settings(looked_up, keys=()))
    train(with_settings(looked_up, keys=(), features=FEATURES[1:]))


@pytest.mark.parametrize("to", ["spark", "onnx"])
def test_exports_refuse_them_by_name(looked_up: Settings, tmp_path: Path, to: str) -> None:
    train(looked_up)
    with pytest.raises(ConfigurationError, match=f"cannot be exported to {to}") as refused:
        petafit.export(
            with_settings(looked_up, export={"to": to, "output": f"{tmp_path}/exported"})
        )
    refusals = "\n".join(refused.value.details)
    for name in ("city_target", "city_count", "month"):
        assert f"{name}: needs a table of the training rows' values" in refusals
