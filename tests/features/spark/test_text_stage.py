"""Text features in Spark ML: those of the encoder, and of Spark's own HashingTF."""

import random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from petafit.features.column_statistics import TableStatistics
from petafit.features.feature import Categorical, Text
from petafit.features.text.ngrams import TextBlock
from petafit.spark.compatibility import frame_of
from tests.features.text.ngrams import n_grams

pytest.importorskip("pyspark")
pytestmark = pytest.mark.spark

BITS = 20
FEATURES = (
    Text("review.text", "char", (2, 4)),
    Text("review.text", "word", lowercase=False, norm="none"),
    Text("title", "word", (1, 3)),
)


@pytest.fixture(scope="module")
def table():
    rng = random.Random(0)
    alphabets = ("abc ", "äöÜß.- ", "日本語、", "🙂𝄞\u200d ")

    def texts(size):
        return [
            rng.choice([None, "", *("".join(rng.choices(a, k=size)) for a in alphabets)])
            for _ in range(500)
        ]

    shop = [rng.choice(["", "x", "y", None]) for _ in range(500)]
    return pa.table({"review.text": texts(60), "title": texts(9), "shop": shop})


def counted(features, table):
    """The result of the encoder's kernels, as {index: value} for each row."""
    [batch] = table.combine_chunks().to_batches()
    ragged = TextBlock(features, BITS).encode(batch)
    for start, stop in zip(ragged.offsets[:-1], ragged.offsets[1:], strict=True):
        yield dict(
            zip(
                ragged.indices[start:stop].tolist(),
                ragged.values[start:stop].tolist(),
                strict=True,
            )
        )


def assert_equal(vector, expected):
    found = dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[index] for index in expected], list(expected.values()), 1e-6)


@pytest.mark.parametrize("feature", [Text("title", "char", (2, 3)), Text("title", norm="none")])
def test_indices_and_values_are_those_of_sparks_hashing_tf(spark, table, feature):
    from pyspark.ml.feature import HashingTF, Normalizer

    terms = [
        ([f"{feature.name}={gram}" for gram in n_grams(feature, text)],)
        for text in table["title"].to_pylist()
    ]
    frame = spark.createDataFrame(terms, "terms array<string>").coalesce(1)
    hashed = HashingTF(inputCol="terms", outputCol="counts", numFeatures=1 << BITS).transform(frame)
    normed = Normalizer(inputCol="counts", outputCol="normed").transform(hashed)
    column = "normed" if feature.norm == "l2" else "counts"
    vectors = [row[0] for row in normed.select(column).collect()]
    for vector, expected in zip(vectors, counted([feature], table), strict=True):
        assert_equal(vector, expected)


def test_a_pipeline_of_text_alone_equals_the_encoder_and_can_be_stored(spark, table, tmp_path):
    from pyspark.ml import PipelineModel

    from petafit.features.spark.stages import stages

    frame = frame_of(spark, table).coalesce(1)
    pipeline = PipelineModel(stages(FEATURES, TableStatistics(500, 500, {}), BITS))
    pipeline.save(str(tmp_path / "pipeline"))
    for model in (pipeline, PipelineModel.load(str(tmp_path / "pipeline"))):
        encoded = model.transform(frame)
        assert encoded.columns == [*table.column_names, "features"]
        vectors = [row[0] for row in encoded.select("features").collect()]
        for vector, expected in zip(vectors, counted(FEATURES, table), strict=True):
            assert_equal(vector, expected)


def test_colliding_features_are_added_up(spark, table):
    from pyspark.ml import PipelineModel

    from petafit.features.spark.stages import stages

    frame = frame_of(spark, table).coalesce(1)
    text, shop = Text("title", "char", (1, 2), norm="none"), Categorical("shop")
    statistics = TableStatistics(500, 500, {})
    encoded = PipelineModel(stages((text, shop), statistics, 2)).transform(frame)
    sums = np.array([row[0].toArray().sum() for row in encoded.select("features").collect()])
    lengths = pc.fill_null(pc.utf8_length(table["title"]), 0).to_numpy()
    expected = lengths + np.maximum(lengths - 1, 0) + table["shop"].is_valid().to_numpy()
    np.testing.assert_array_equal(sums, expected)


def test_a_table_that_spark_reads_by_columns(spark, table, tmp_path):
    from petafit.features.spark.stages import stages

    pq.write_table(table, tmp_path / "t.parquet")
    frame = spark.read.parquet(str(tmp_path))
    for stage in stages(FEATURES, TableStatistics(500, 500, {}), BITS):
        frame = stage.transform(frame)
    vectors = [row[0] for row in frame.select("features").collect()]
    for vector, expected in zip(vectors, counted(FEATURES, table), strict=True):
        assert_equal(vector, expected)


def test_a_frame_without_rows(spark, table):
    from petafit.features.spark.stages import stages

    frame = frame_of(spark, table).limit(0)
    for stage in stages(FEATURES, TableStatistics(0, 0, {}), BITS):
        frame = stage.transform(frame)
    assert frame.collect() == []
