"""Exported pipelines of Spark ML, applied by Spark."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.workflow.train import train
from tests.exports.everything import CYCLIC, FEATURES, TEXTS, settings_in, table
from tests.small import with_settings

pytestmark = pytest.mark.spark
PROGRAM = Path(__file__).with_name("apply_pipeline.py")


def exported(settings: Settings, spark: Any) -> tuple[Any, PipelineModel]:
    """Train without Spark and export with it; return the model and the pipeline."""
    train(settings)
    petafit.export(with_settings(settings, engine="spark", export={"to": "spark"}), spark=spark)
    model = petafit.load_model(f"{settings.paths.models}/everything")
    return model, PipelineModel.load(f"{settings.export.output}/pipeline")


def placed(pipeline: PipelineModel, spark: Any, settings: Settings, *columns: str) -> list[Any]:
    """What a pipeline says of the table's rows, in their order."""
    frame = pipeline.transform(spark.read.parquet(settings.table.uri))
    return frame.orderBy("id").select(*columns).collect()


def test_a_python_without_petafit_applies_every_feature(spark: Any, tmp_path: Path) -> None:
    """With values that no training row has, in a session of another time zone."""
    settings = settings_in(
        tmp_path,
        features=[*FEATURES, *CYCLIC, *TEXTS],
        export={"rows": 200, "output": f"{tmp_path}/made/exported"},
    )
    model, _ = exported(settings, spark)
    rows, answer = unseen(), tmp_path / "answer.json"
    pq.write_table(rows, tmp_path / "unseen.parquet")
    for name in ("pyspark", "py4j", "numpy", "numpy.libs"):
        link_package(name, tmp_path / "packages")
    arguments = [f"{settings.export.output}/pipeline", f"{tmp_path}/unseen.parquet", answer]
    done = subprocess.run(
        [sys.executable, "-S", PROGRAM, *arguments],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "packages")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(answer.read_text())
    ids, places, classes, probabilities = zip(*sorted(said["rows"]), strict=True)
    assert list(ids) == rows["id"].to_pylist()
    assert np.abs(np.array(probabilities) - model.predict_proba(rows)).max() < 1e-6
    assert list(classes) == model.predict(rows).tolist() == [place == 1 for place in places]
    added = ["rawPrediction", "probability", "prediction", "predicted_class"]
    assert said["columns"] == [*rows.column_names, *added]


def unseen() -> pa.Table:
    rows = table(300, seed=5)
    texts = pa.array([None if n % 7 == 0 else f"new {n} ÉTÉ" for n in range(300)])
    for name in ("city", "words"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, texts)
    return rows


def link_package(name: str, folder: Path) -> None:
    """Make one installed package importable from a folder that has no other."""
    folder.mkdir(exist_ok=True)
    spec = importlib.util.find_spec("numpy" if name == "numpy.libs" else name)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent
    source = source.parent / name if name == "numpy.libs" else source
    if source.exists():
        (folder / name).symlink_to(source)


def test_dates_on_a_circle_that_are_missing_add_nothing(spark: Any, tmp_path: Path) -> None:
    model, pipeline = exported(settings_in(tmp_path, features=CYCLIC), spark)
    missing = pa.table({f.name: pa.nulls(2, f.type) for f in table(1).schema})
    missing = missing.set_column(missing.schema.get_field_index("id"), "id", pa.array([0, 1]))
    pq.write_table(missing, tmp_path / "missing.parquet")
    frame = pipeline.transform(spark.read.parquet(str(tmp_path / "missing.parquet")))
    probabilities = [row.probability[1] for row in frame.select("probability").collect()]
    own = model.predict_proba(missing)[:, 1]
    assert np.abs(np.array(probabilities) - own).max() < 1e-6


def test_several_classes(spark: Any, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, label="kind", features=[*FEATURES[4:6], TEXTS[0]])
    model, pipeline = exported(settings, spark)
    found = placed(pipeline, spark, settings, "probability", "predicted_class")
    probabilities = np.array([row.probability.toArray() for row in found])
    assert np.abs(probabilities - model.predict_proba(table())).max() < 1e-6
    assert [row.predicted_class for row in found] == model.predict(table()).tolist()


def test_a_regression_and_its_column_names(spark: Any, tmp_path: Path) -> None:
    """A row may have columns of any name, the label among them."""
    poisson = {"name": "petafit.OnlineLinearRegressor", "params": {"loss": "poisson"}}
    settings = settings_in(tmp_path, label="items", learner=poisson, features=FEATURES[:1])
    model, pipeline = exported(settings, spark)
    found = placed(pipeline, spark, settings, "prediction", "`it's a.``name```")
    own = model.predict(table())
    assert np.allclose([row.prediction for row in found], own, rtol=1e-6)
    assert own.std() > 0


def test_a_support_vector_machine_decides_alike(spark: Any, tmp_path: Path) -> None:
    """Its pipeline is what Spark's own evaluators take."""
    hinge = {"name": "petafit.OnlineLinearClassifier", "params": {"loss": "hinge"}}
    settings = settings_in(tmp_path, learner=hinge, features=FEATURES[:5])
    model, pipeline = exported(settings, spark)
    frame = pipeline.transform(spark.read.parquet(settings.table.uri))
    assert "probability" not in frame.columns
    own = np.mean(model.predict(table()) == table()["late"].to_numpy())
    labelled = frame.withColumn("label", F.col("late").cast("double"))
    evaluator = MulticlassClassificationEvaluator(metricName="accuracy")
    assert evaluator.evaluate(labelled) == pytest.approx(own)


def test_models_of_mllib(spark: Any, tmp_path: Path) -> None:
    """With a class listed that no training row has, of which the probability is 0."""
    learner = {"name": "mllib.LogisticRegression", "params": {"maxIter": 5}}
    label = {"column": "kind", "classes": ["absent", "kind -1", "kind 0", "kind 1"]}
    features = [{"numeric": "speed"}, {"categorical": "city"}]
    settings = settings_in(
        tmp_path, engine="spark", learner=learner, label=label, features=features
    )
    train(settings, spark=spark)
    for to in ("spark", "onnx"):
        out = f"{tmp_path}/{to}"
        petafit.export(
            with_settings(settings, export={"to": to, "output": out, "tolerance": 1e-9}),
            spark=spark,
        )
    pipeline = PipelineModel.load(f"{tmp_path}/spark/pipeline")
    found = placed(pipeline, spark, settings, "probability", "prediction")
    assert {row.probability[0] for row in found} == {0.0}
    assert {row.prediction for row in found} <= {1.0, 2.0, 3.0}


def test_trees_are_refused(spark: Any, tmp_path: Path) -> None:
    tree = {"name": "mllib.DecisionTreeClassifier", "params": {"maxDepth": 2}}
    settings = settings_in(
        tmp_path, engine="spark", learner=tree, features=[{"categorical": "city"}], hash_bits=6
    )
    train(settings, spark=spark)
    with pytest.raises(ConfigurationError, match=r"DecisionTreeClassifier.*a linear model"):
        petafit.export(with_settings(settings, export={"to": "spark"}), spark=spark)
    assert not Path(str(settings.export.output)).exists()
