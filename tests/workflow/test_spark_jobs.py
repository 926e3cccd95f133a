"""Jobs that need Spark: MLlib's estimators, and tables that only Spark's scan can read."""

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.models.store import ModelStore, ModelVersion
from petafit.spark.compatibility import frame_of
from petafit.workflow.evaluate import evaluate
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import rewrite, table, with_settings

pytestmark = pytest.mark.spark

MLLIB: dict[str, Any] = {
    "name": "mllib.LogisticRegression",
    "params": {"maxIter": 20, "regParam": 0.001},
}


@pytest.fixture
def on_spark(settings: Settings) -> Settings:
    return with_settings(settings, engine="spark")


def test_mllib_is_trained_evaluated_and_scored(
    on_spark: Settings, spark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings = with_settings(on_spark, learner=MLLIB, training={"parts": 2})
    with caplog.at_level(logging.INFO, "petafit"):
        trained = train(settings, spark=spark)
    assert any("training.parts" in m and "Spark itself fits" in m for m in caplog.messages)
    metrics = evaluate(settings, spark=spark).manifest["metrics"]
    assert trained.manifest["rows"] == {"in": 4500, "used": 4500, "quarantined": 0}
    assert metrics["auc"] > 0.8
    assert metrics["calibration_error"] < 0.1
    weights = trained.manifest["weights"]
    assert weights["kind"] == "coefficients"
    assert any(each["feature"].startswith("city=") for each in weights["features"])
    assert not any(each["feature"].startswith("index ") for each in weights["features"])
    assert published(settings).weights == weights
    score(settings, spark=spark)
    scored = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table()
    assert scored.num_rows == 6000
    assert scored["probability"].null_count == 0


def published(settings: Settings) -> ModelVersion:
    return ModelStore(settings.paths.models).find(settings.model_name)


def test_mllib_learns_from_columns_of_types_that_spark_lacks(
    on_spark: Settings, spark: Any
) -> None:
    unsigned = table().to_pandas().assign(late=lambda rows: rows["late"].astype("uint8"))
    unsigned = unsigned.assign(city=unsigned["city"].str[5:].astype("uint64"))
    rewrite(on_spark, pa.Table.from_pandas(unsigned, preserve_index=False))
    settings = with_settings(on_spark, learner=MLLIB)
    train(settings, spark=spark)
    assert evaluate(settings, spark=spark).manifest["metrics"]["auc"] > 0.8


def test_an_mllib_model_decides_as_its_own_spark_model(on_spark: Settings, spark: Any) -> None:
    """By its threshold, and with a class listed that no training row has."""
    from pyspark.ml import PipelineModel

    params = {**MLLIB["params"], "threshold": 0.05}
    classes = ["absent", "no", "yes"]
    settings = with_settings(
        on_spark,
        table=with_text_labels(on_spark),
        label={"column": "late", "classes": classes},
        learner={**MLLIB, "params": params},
        score={"format": "parquet"},
    )
    train(settings, spark=spark)
    accuracy = evaluate(settings, spark=spark).manifest["metrics"]["accuracy"]
    score(settings, spark=spark)
    scored = pq.read_table(f"{settings.table.uri}_predictions").sort_by("id")
    found = np.array(scored["probability"].to_pylist())
    assert (found[:, 0] == 0).all()
    (stages,) = (p for p in Path(settings.paths.models).rglob("stages") if p.is_dir())
    own = PipelineModel.load(f"file://{stages.parent}")
    decided = own.transform(spark.read.parquet(settings.table.uri)).orderBy("id").collect()
    theirs = [classes[1 + int(row.prediction)] for row in decided]
    assert scored["prediction"].to_pylist() == theirs
    assert theirs != np.where(found[:, 2] > 0.5, "yes", "no").tolist()
    tested = [(row.late, own) for row, own in zip(decided, theirs, strict=True) if row.month >= 10]
    assert accuracy == pytest.approx(np.mean([late == own for late, own in tested]))


def with_text_labels(settings: Settings) -> dict[str, str]:
    """The small table with its label as text."""
    content = table()
    words = pc.if_else(content["late"], "yes", "no")
    rewrite(settings, content.set_column(content.schema.get_field_index("late"), "late", words))
    return {"uri": settings.table.uri}


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        ("mllib.IsotonicRegression", "positions are hashes"),
        ("mllib.GeneralizedLinearRegression", "at most 4,096 features"),
    ],
)
def test_data_that_mllib_cannot_learn_is_refused_before_rows_are_read(
    on_spark: Settings, spark: Any, learner: str, message: str
) -> None:
    settings = with_settings(
        on_spark, learner=learner, hash_bits=13, label="speed", features="auto"
    )
    with pytest.raises(ConfigurationError, match=message):
        train(settings, spark=spark, run_id="refused")
    passes = Path(settings.paths.runs) / "refused" / "passes"
    assert not passes.exists()


def test_an_mllib_model_says_that_it_needs_spark(on_spark: Settings, spark: Any) -> None:
    other = {"name": "mllib.FMClassifier", "params": {"maxIter": 20, "stepSize": 0.1}}
    settings = with_settings(on_spark, learner=other, hash_bits=8)
    train(settings, spark=spark)
    model = petafit.load_model(f"{settings.paths.models}/small")
    for refused in (model.predict, model.predict_proba):
        with pytest.raises(ConfigurationError, match=r"predicts in Spark only.*`transform`"):
            refused(table())
    with pytest.raises(ConfigurationError, match="cannot be a function"):
        model.register(spark, "predict")
    assert evaluate(settings, spark=spark).manifest["metrics"]["auc"] > 0.6


def test_a_linear_mllib_model_predicts_without_spark(on_spark: Settings, spark: Any) -> None:
    """Evaluated, scored and loaded, with the numbers that Spark's own transform gives."""
    from pyspark.ml import PipelineModel

    settings = with_settings(on_spark, learner=MLLIB, score={"format": "parquet"})
    train(settings, spark=spark)
    alone = with_settings(settings, engine="local")
    metrics = evaluate(alone).manifest["metrics"]
    score(alone)
    scored = pq.read_table(f"{settings.table.uri}_predictions").sort_by("id")
    (stages,) = (p for p in Path(settings.paths.models).rglob("stages") if p.is_dir())
    own = PipelineModel.load(f"file://{stages.parent}")
    rows = own.transform(spark.read.parquet(settings.table.uri)).orderBy("id").toPandas()
    late = np.array([each[1] for each in rows["probability"]])
    np.testing.assert_allclose(scored["probability"].to_numpy(), late, rtol=1e-9)
    model = petafit.load_model(f"{settings.paths.models}/small")
    np.testing.assert_allclose(model.predict_proba(rows)[:, 1], late, rtol=1e-9)
    tested = rows["month"] >= 10
    happened = np.where(rows["late"][tested], late[tested], 1 - late[tested])
    assert metrics["log_loss"] == pytest.approx(-np.log(happened).mean(), abs=1e-9)


def test_mllib_and_the_local_engine_do_not_go_together(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="engine: spark"):
        train(with_settings(settings, learner=MLLIB))


def test_a_scan_gives_the_same_model_as_direct_reading(on_spark: Settings, spark: Any) -> None:
    one_shard = with_settings(on_spark, training={"shards": 1})
    train(one_shard, spark=spark)
    direct = evaluate(one_shard, spark=spark).manifest["metrics"]
    scanned = with_settings(one_shard, stream="scan")
    assert train(scanned, spark=spark).manifest["rows"]["used"] == 4500
    metrics = evaluate(scanned, spark=spark).manifest["metrics"]
    assert metrics["auc"] == pytest.approx(direct["auc"], abs=0.02)


def test_rows_deleted_by_a_vector_are_not_learnt_from(on_spark: Settings, spark: Any) -> None:
    uri = f"{on_spark.table.uri}_delta"
    writer = frame_of(spark, table()).write.format("delta")
    writer.option("delta.enableDeletionVectors", "true").save(uri)
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE id % 10 = 0")
    settings = with_settings(on_spark, table={"uri": uri})
    assert train(settings, spark=spark).manifest["rows"]["used"] == 4050
    with pytest.raises(ConfigurationError, match="deletion vector"):
        train(with_settings(settings, engine="local"))


@pytest.mark.parametrize("change", ["drop_columns", "cast"])
def test_a_scan_refuses_a_file_that_is_not_as_the_others(
    on_spark: Settings, spark: Any, change: str
) -> None:
    path = Path(on_spark.table.uri) / "month-05.parquet"
    content = pq.read_table(path)
    if change == "cast":
        changed = content.set_column(0, "id", content["id"].cast("string"))
    else:
        changed = content.drop_columns(["city"])
    pq.write_table(changed, path)
    settings = with_settings(on_spark, stream="scan", features=[{"categorical": ["city", "id"]}])
    with pytest.raises(ContractError, match=r"month-05\.parquet"):
        train(settings, spark=spark)


@pytest.mark.cluster
def test_spark_submit_trains(on_spark: Settings, tmp_path: Path) -> None:
    tasks = tmp_path / "conf" / "tasks"
    tasks.mkdir(parents=True)
    plain = on_spark.model_dump(mode="json", exclude={"task", "environment"}, exclude_defaults=True)
    (tasks / "small.yaml").write_text(yaml.safe_dump(plain))
    (tmp_path / "conf" / "local.yaml").write_text("spark: {submit: {spark.ui.enabled: false}}")
    job = Path(__file__).parents[2] / "jobs" / "train.py"
    submit = Path(sys.executable).with_name("spark-submit")
    path = f"{submit.parent}:/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run(
        [submit, "--master", "local[2]", job, "--task", "small"],
        cwd=tmp_path,
        env={"PATH": path, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "small version 1" in done.stdout


def test_partition_values_are_one_for_either_stream_and_mllib(
    on_spark: Settings, spark: Any
) -> None:
    rows = table().drop_columns("city")
    places = [("São Paulo", "01", "a=b")[number % 3] for number in range(rows.num_rows)]
    uri = f"{on_spark.table.uri}_places"
    ds.write_dataset(
        rows.append_column("city", [places]),
        uri,
        format="parquet",
        partitioning=["city"],
        partitioning_flavor="hive",
    )
    settings = with_settings(on_spark, table={"uri": uri, "filter": ["City != 'São Paulo'"]})
    for changes in ({"stream": "direct"}, {"stream": "scan"}, {"learner": MLLIB}):
        changed = with_settings(settings, **changes)
        assert train(changed, spark=spark).manifest["rows"]["used"] == 3000
        assert evaluate(changed, spark=spark).manifest["rows"]["used"] == 1000
    score(settings, spark=spark)
    scored = DeltaTable(f"{uri}_predictions").to_pyarrow_table()
    assert set(scored["city"].to_pylist()) == {"01", "a=b"}
