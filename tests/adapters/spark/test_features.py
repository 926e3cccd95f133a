"""Declared features in pipelines of `pyspark.ml`: the compiled features, as vectors."""

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from petafit.adapters.spark import FeatureEncoder
from petafit.adapters.spark.vectors import as_vectors
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.features.encoder import Encoder
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.spark.compatibility import frame_of
from tests.small import table

DECLARED = [
    {"numeric": ["speed", "month"], "log1p": True, "indicator": True},
    {"categorical": ["city", "of day."]},
    {"boolean": "weekend"},
    {"date": ["at"]},
    {"text": "city", "ngrams": [1, 2]},
    {"binned": "speed"},
    {"binned": "month", "edges": "quantiles", "bins": 5},
    {"cross": [["of day.", "weekend"]]},
]


def rows() -> pa.Table:
    """Rows with nulls, letters of all kinds, a name with a dot, and instants."""
    content = table(600)
    cities = content["city"].to_pylist()
    cities[:4] = None, "", "Zürich  ×", "🙂"
    content = content.set_column(2, "city", pa.array(cities))
    instants = pa.array([None, *range(599)], pa.int64())
    at = pa.compute.multiply(instants, 3_600_000_000).cast(pa.timestamp("us", "UTC"))
    day = pa.array([str(i % 7) for i in range(600)])
    return content.append_column("at", at).append_column("of day.", day)


def compiled(content: pa.Table, bits: int) -> csr_array:
    """The same features, profiled and encoded without Spark."""
    settings = Settings(task="t", table="none", label="late", features=DECLARED)
    features = resolve(settings.features, content.schema, label="late")
    profile = Profile(features)
    (batch,) = content.combine_chunks().to_batches()
    statistics = profile.finish(profile.lift(profile.reduce(profile.start(), batch)))
    X = Encoder(features, statistics, hash_bits=bits, dtype="float64")(batch, labels=False).X.copy()
    X.sum_duplicates()
    return X


def assert_same(vectors: list[Any], X: csr_array) -> None:
    assert {vector.size for vector in vectors} == {X.shape[1]}
    for vector, first, end in zip(vectors, X.indptr[:-1], X.indptr[1:], strict=True):
        np.testing.assert_array_equal(vector.indices, X.indices[first:end])
        np.testing.assert_allclose(vector.values, X.data[first:end], 1e-9, 1e-12)


@contextmanager
def configured(spark: Any, settings: dict[str, str | None]) -> Iterator[None]:
    """Change a session's settings for a block; None takes one out."""
    before = {name: spark.conf.get(name) for name in settings}
    for name, value in settings.items():
        if value is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)


def vectors_of(model: Any, frame: Any) -> list[Any]:
    encoded = model.transform(frame).orderBy("id")
    return [row.features for row in encoded.select("features").collect()]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.floats(-1e3, 1e3)), max_size=12), max_size=8)
)
def test_vectors_hold_the_sums_of_what_collides(entries: list[list[tuple[int, float]]]) -> None:
    ends = np.cumsum([0, *map(len, entries)])
    flat = [entry for row in entries for entry in row]
    indices, values = zip(*flat, strict=True) if flat else ((), ())
    X = csr_array((np.array(values, float), np.array(indices, int), ends), (len(entries), 10))
    for row, vector in zip(entries, as_vectors(X).to_pylist(), strict=True):
        assert vector["indices"] == sorted({index for index, _ in row})
        for index, value in zip(vector["indices"], vector["values"], strict=True):
            assert math.isclose(
                value, math.fsum(v for i, v in row if i == index), rel_tol=1e-9, abs_tol=1e-9
            )


@pytest.mark.spark
def test_vectors_are_the_compiled_features(spark: Any, tmp_path: Path) -> None:
    """Read from a table, by a pipeline that was stored, in a session that is not petafit's."""
    from pyspark.ml import Pipeline, PipelineModel

    content = rows()
    frame_of(spark, content).write.parquet(str(tmp_path / "table"))
    frame = spark.read.parquet(str(tmp_path / "table"))
    pipeline = Pipeline(stages=[FeatureEncoder(features=DECLARED, hashBits=12, labelCol="late")])
    pipeline.save(str(tmp_path / "pipeline"))
    model = Pipeline.load(str(tmp_path / "pipeline")).fit(frame)
    expected = compiled(content, 12)
    model.save(str(tmp_path / "model"))
    stored = PipelineModel.load(str(tmp_path / "model"))
    with configured(
        spark,
        {
            "spark.sql.session.timeZone": "Asia/Tokyo",
            "spark.sql.caseSensitive": None,
        },
    ):
        assert_same(vectors_of(stored, frame), expected)
    columnar = "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled"
    with (
        configured(spark, {columnar: "true"}),
        pytest.raises(ConfigurationError, match=r"return a vector.*columnarInput"),
    ):
        stored.transform(frame)
    assert stored.stages[0].numFeatures == expected.shape[1]


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")
def test_a_cross_validator_chooses_among_features(spark: Any) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    frame = frame_of(spark, table(600)).selectExpr("*", "CAST(late AS double) AS label")
    encoder = FeatureEncoder(features=[{"numeric": "speed"}])
    with_city = [{"numeric": "speed"}, {"categorical": "city"}]
    grid = ParamGridBuilder().addGrid(encoder.features, [[{"boolean": "weekend"}], with_city])
    validator = CrossValidator(
        estimator=Pipeline(stages=[encoder, LogisticRegression(maxIter=3)]),
        estimatorParamMaps=grid.build(),
        evaluator=BinaryClassificationEvaluator(),
        numFolds=2,
        seed=0,
    )
    found = validator.fit(frame)
    worse, better = found.avgMetrics
    assert worse < 0.6 < 0.75 < better
    assert found.bestModel.stages[0].getOrDefault("features") == with_city
    gc.collect()  # Spark leaves its pool of threads to it


@pytest.mark.spark
def test_weights_count_as_rows(spark: Any) -> None:
    frame = spark.createDataFrame([(1.0, 3.0), (5.0, 1.0), (100.0, 0.0)], "x double, w double")
    encoder = FeatureEncoder(features=[{"numeric": "x"}], weightCol="w")
    vectors = encoder.fit(frame).transform(frame).collect()
    mean, sd = 2.0, math.sqrt(3.0)
    expected = [(x - mean) / sd for x in (1.0, 5.0, 100.0)]
    assert [row.features.values[0] for row in vectors] == pytest.approx(expected)


@pytest.mark.spark
def test_features_that_cannot_be_are_refused_before_a_task_runs(spark: Any) -> None:
    frame = frame_of(spark, table(10))
    for features, error, message in (
        ([{"numerical": "speed"}], ConfigurationError, "numerical"),
        ([{"numeric": "sped"}], ConfigurationError, "'sped', which is not a column.*'speed'"),
        ([{"numeric": "label"}], ConfigurationError, "'label' cannot be a feature"),
        ([{"numeric": "city"}], ConfigurationError, "expected a number"),
    ):
        with pytest.raises(error, match=message):
            FeatureEncoder(features=features).fit(frame)
    model = FeatureEncoder(features=[{"categorical": "city"}]).fit(frame)
    with pytest.raises(ContractError, match="no column 'city'"):
        model.transform(frame.drop("city"))
    with pytest.raises(ContractError, match="'city' has another type"):
        model.transform(frame.withColumn("city", frame.speed))
