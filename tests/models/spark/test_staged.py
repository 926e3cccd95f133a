"""A model with stages that Spark runs transforms frames and streams as `score` does."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.spark.compatibility import arrow_table, frame_of
from tests.small import table, with_settings

pytestmark = pytest.mark.spark

STAGES: list[Any] = [
    {"Imputer": {"inputCols": ["speed"], "outputCols": ["filled"]}},
    {"SQLTransformer": {"statement": "SELECT *, doubled / 200 - 1 AS relative FROM __THIS__"}},
    {"VectorAssembler": {"inputCols": ["relative"], "outputCol": "v", "handleInvalid": "keep"}},
    {"PolynomialExpansion": {"inputCol": "v", "outputCol": "powers", "degree": 2}},
    {"FeatureHasher": {"inputCols": ["city"], "outputCol": "hashed", "numFeatures": 64}},
]
"""Spark runs all but the last; one reads what a function makes."""

FUNCTIONS = """
import petafit

@petafit.function(returns="double")
def doubled(speed):
    return speed.fillna(100.0) * 2.0
"""


@pytest.fixture
def staged(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return with_settings(
        settings,
        engine="spark",
        functions=str(tmp_path / "functions.py"),
        features=[{"stages": STAGES}, {"numeric": "filled"}, {"boolean": "weekend"}],
    )


def load(settings: Settings) -> Any:
    return petafit.load_model(f"{settings.paths.models}/small", functions=settings.functions)


def scored(settings: Settings, spark: Any) -> pa.Table:
    petafit.score(settings, spark=spark)
    found = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table().sort_by("id")
    return found.drop_columns(["run_id", "late"])


@pytest.mark.parametrize(
    "learner", ["petafit.OnlineLinearClassifier", "mllib.DecisionTreeClassifier"]
)
def test_transform_runs_the_stages_itself(staged: Settings, spark: Any, learner: str) -> None:
    staged = with_settings(staged, learner=learner)
    petafit.train(staged, spark=spark)
    model = load(staged)
    expected = scored(staged, spark)
    # another column of the name that a stage uses in between, and other spellings
    rows = table().rename_columns(["id", "month", "City", "SPEED", "weekend", "v"])
    found = arrow_table(model.transform(frame_of(spark, rows).repartition(3)).orderBy("id"))
    assert found.column_names[:6] == rows.column_names
    assert found.select(expected.column_names).to_pylist() == expected.to_pylist()
    with pytest.raises(ConfigurationError, match=r"No function of SQL|cannot be a function"):
        model.register(spark, "predict_delay")


def test_a_stream_gets_the_same_predictions(staged: Settings, spark: Any, tmp_path: Path) -> None:
    petafit.train(staged, spark=spark)
    expected = scored(staged, spark)
    schema = spark.read.parquet(staged.table.uri).schema
    stream = load(staged).transform(spark.readStream.schema(schema).parquet(staged.table.uri))
    writer = stream.writeStream.format("parquet").option("path", str(tmp_path / "out"))
    writer = writer.option("checkpointLocation", str(tmp_path / "checkpoint"))
    writer.trigger(availableNow=True).start().awaitTermination()
    found = pq.read_table(tmp_path / "out").sort_by("id").select(expected.column_names)
    assert found.to_pylist() == expected.to_pylist()
