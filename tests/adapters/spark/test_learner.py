"""Petafit's training within pipelines of `pyspark.ml`, and the model that comes of it."""

import gc
from pathlib import Path
from typing import Any

import pytest
import yaml

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.models import portable
from petafit.spark.compatibility import arrow_table, frame_of
from tests.small import table, with_settings

pytestmark = pytest.mark.spark


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")
def test_a_cross_validator_chooses_among_settings(
    settings: Settings, spark: Any, tmp_path: Path
) -> None:
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import SQLTransformer
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    from petafit.adapters.spark import PetafitEstimator

    task = with_settings(
        settings,
        engine="spark",
        label="label",
        split={},
        table={"uri": None},
        training={"rounds": 1},
    )
    frame = frame_of(spark, table(600))
    labelled = SQLTransformer(statement="SELECT *, CAST(late AS int) AS label FROM __THIS__")
    estimator = PetafitEstimator(task)
    grid = ParamGridBuilder().addGrid(
        estimator.overrides, [["features=[{boolean: weekend}]"], ["learner.params.l2=0.0001"]]
    )
    found = CrossValidator(
        estimator=Pipeline(stages=[labelled, estimator]),
        estimatorParamMaps=grid.build(),
        evaluator=BinaryClassificationEvaluator(rawPredictionCol="probability"),
        numFolds=2,
        seed=0,
    ).fit(frame)
    worse, better = found.avgMetrics
    assert worse < 0.6 < 0.7 < better
    found.bestModel.write().save(str(tmp_path / "stored"))
    stored = PipelineModel.load(str(tmp_path / "stored"))
    latest = petafit.load_model(f"{settings.paths.models}/small")
    assert latest.version is not None
    assert latest.version.version == 5
    probabilities = arrow_table(stored.transform(frame).orderBy("id"))["probability"].to_numpy()
    expected = latest.predict_proba(table(600))[:, 1]
    assert probabilities.tolist() == expected.tolist()
    gc.collect()  # Spark leaves its pool of threads to it


def test_an_estimator_and_a_large_model_are_stored(
    settings: Settings, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from petafit.adapters.spark import PetafitEstimator, PetafitModel

    PetafitEstimator(settings, ["hash_bits=3"]).save(str(tmp_path / "estimator"))
    estimator = PetafitEstimator.load(str(tmp_path / "estimator"))
    assert Settings.model_validate(estimator.getOrDefault("settings")) == settings
    assert estimator.getOrDefault("overrides") == ["hash_bits=3"]

    path = tmp_path / "functions.py"
    path.write_text(
        "import petafit\n"
        "@petafit.function(returns='double')\n"
        "def squared(speed):\n"
        "    return speed ** 2\n"
    )
    declared = yaml.safe_load("[{numeric: squared}, {categorical: city}]")
    petafit.train(with_settings(settings, functions=str(path), features=declared))
    monkeypatch.setattr(portable, "MOST_BYTES", 0)
    model = petafit.load_model(f"{settings.paths.models}/small", functions=path)
    PetafitModel(model, functions=str(path)).save(str(tmp_path / "model"))
    stored = PetafitModel.load(str(tmp_path / "model"))
    assert stored.model.predict(table(50)).tolist() == model.predict(table(50)).tolist()
    path.write_text(path.read_text() + "# changed")
    with pytest.raises(ConfigurationError, match="not those the model was trained with"):
        _ = PetafitModel.load(str(tmp_path / "model")).model
