"""Bins between quantiles of the training rows, from the task to each kind of prediction."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from sklearn.metrics import log_loss

import petafit
from petafit.config.settings import Settings
from petafit.features.feature import Binned, Cross
from petafit.workflow.evaluate import evaluate
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import rewrite, table, with_settings

BINS = {"binned": ["speed", "odd", "gone", "flat"], "edges": "quantiles", "bins": 6}
FEATURES = [
    BINS,
    {"numeric": ["speed", "flat"], "indicator": "auto"},
    {"categorical": "city"},
    {"cross": [["speed_bin", "city"]]},
]


def content() -> pa.Table:
    """With infinities of which the training rows have some, nothing but null, and a constant."""
    made = table()
    odd = np.random.default_rng(1).normal(size=made.num_rows)
    odd[::50], odd[1::50], odd[2::50] = np.inf, -np.inf, np.nan
    nothing = pa.nulls(made.num_rows, pa.float64())
    flat = pa.array(np.full(made.num_rows, 4, np.int32))
    return (
        made.append_column("odd", pa.array(odd))
        .append_column("gone", nothing)
        .append_column("flat", flat)
    )


@pytest.fixture
def binned(settings: Settings) -> Settings:
    rewrite(settings, content())
    return with_settings(settings, features=FEATURES)


def edges_of(settings: Settings) -> dict[str, Any]:
    features = petafit.load_model(f"{settings.paths.models}/small").encoder.features
    parts = [p for f in features for p in (f.parts if isinstance(f, Cross) else (f,))]
    assert len([part for part in parts if isinstance(part, Binned)]) == 5
    return {part.column: part.edges for part in parts if isinstance(part, Binned)}


def test_edges_are_those_of_the_training_rows_however_they_are_sharded(binned: Settings) -> None:
    train(binned)
    edges = edges_of(binned)
    training = content().filter(pa.compute.less_equal(content()["month"], 9))
    speed = training["speed"].drop_null().to_numpy()
    np.testing.assert_allclose(np.quantile(speed, np.arange(1, 6) / 6), edges["speed"], rtol=0.01)
    assert np.isfinite(edges["odd"]).all()
    assert (len(edges["odd"]), edges["gone"], edges["flat"]) == (5, (), ())
    train(with_settings(binned, training={"shards": 5, "batch_rows": 37}))
    assert edges_of(binned) == edges


def test_evaluation_prediction_and_scores_agree(binned: Settings) -> None:
    train(binned)
    metrics = evaluate(binned).manifest["metrics"]
    model = petafit.load_model(f"{binned.paths.models}/small")
    held_out = content().filter(pa.compute.greater(content()["month"], 9))
    own = model.predict_proba(held_out)
    assert log_loss(held_out["late"].to_pylist(), own) == pytest.approx(metrics["log_loss"])
    assert metrics["auc"] > 0.8
    score(binned)
    scored = DeltaTable(f"{binned.table.uri}_predictions").to_pyarrow_table().sort_by("id")
    np.testing.assert_array_equal(
        scored["probability"].to_numpy(), model.predict_proba(content())[:, 1]
    )


@pytest.mark.spark
def test_spark_learns_the_same_edges_and_predicts_the_same(
    binned: Settings, spark: Any, tmp_path: Path
) -> None:
    local = train(binned).manifest["model"]
    on_spark = with_settings(binned, engine="spark")
    assert train(on_spark, spark=spark).manifest["model"]["digest"] == local["digest"]
    edges = edges_of(binned)
    model = petafit.load_model(f"{binned.paths.models}/small")
    frame = spark.read.parquet(str(binned.table.uri))
    scored = model.transform(frame).orderBy("id").select("probability").collect()
    own = model.predict_proba(content())[:, 1]
    np.testing.assert_allclose([row.probability for row in scored], own, rtol=1e-12)
    learner = {"name": "mllib.LogisticRegression", "params": {"maxIter": 3}}
    train(with_settings(on_spark, learner=learner), spark=spark)
    assert edges_of(binned) == edges
    assert (
        evaluate(with_settings(on_spark, learner=learner), spark=spark).manifest["metrics"]["auc"]
        > 0.75
    )
