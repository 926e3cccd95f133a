"""The Spark form and the Arrow form of the features are one."""

import math
import random
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.errors import ConfigurationError
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Cross,
    Cyclic,
    DatePart,
    Indicator,
    Numeric,
    Text,
)
from petafit.features.spec import LOG2_EDGES
from petafit.spark.compatibility import frame_of

pytest.importorskip("pyspark")
pytestmark = pytest.mark.spark

ROWS = 2000
ALPHABETS = ("abc=_ ", "äöüßéñ", "日本語東京", "🙂𝄞×", "\x00\n\"'`\\")
PARTS = ("year", "month", "day", "day_of_week", "hour", "minute")
BINS = Binned("fare", (-5.25, 0.0, 0.3, 99.99))


@pytest.fixture(scope="module")
def table():
    rng = random.Random(0)

    def text(length):
        return "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(length))

    def maybe(value):
        return None if rng.random() < 0.1 else value

    xs = (0.0, -0.0, 1.0, -1.0, 2.0**40, -(2.0**62), math.nan, 0.1, 1e-300, 12345.678)
    fares = ("0.30", "0.29", "99.99", "99.98", "-5.25", "0.00")
    longs = (0, -1, 2**63 - 1, -(2**63), 2**53 + 1)
    moments = [
        datetime(1965, 1, 1) + timedelta(minutes=rng.randrange(60_000_000)) for _ in range(ROWS)
    ]
    return pa.table(
        {
            "s": pa.array([maybe(text(i % 41)) for i in range(ROWS)]),
            "name with spaces, ä": pa.array([maybe(rng.choice("xyz")) for _ in range(ROWS)]),
            "x": pa.array([maybe(rng.choice((*xs, rng.gauss(0, 1e3)))) for _ in range(ROWS)]),
            "fare": pa.array(
                [maybe(Decimal(rng.choice(fares))) for _ in range(ROWS)], pa.decimal128(10, 2)
            ),
            "n": pa.array([maybe(rng.choice(longs)) for _ in range(ROWS)], pa.int64()),
            "hour": pa.array([maybe(rng.randrange(24)) for _ in range(ROWS)], pa.int16()),
            "b": pa.array([maybe(rng.random() < 0.5) for _ in range(ROWS)]),
            "t": pa.array([maybe(moment) for moment in moments], pa.timestamp("us", "UTC")),
            "d": pa.array([maybe(moment.date()) for moment in moments], pa.date32()),
        }
    )


def statistics_of(*columns):
    return TableStatistics(
        ROWS, ROWS, {c: ColumnStatistics(ROWS, 0, 10.7, 3.3, -5.1, 99.9) for c in columns}
    )


def sparse_rows(matrix):
    """Each row as {index: value}, what collides summed, zeros left out."""
    for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        row = {}
        for index, value in zip(
            matrix.indices[start:stop].tolist(), matrix.data[start:stop].tolist(), strict=True
        ):
            row[index] = row.get(index, 0.0) + value
        yield {index: value for index, value in row.items() if value}


def enumerated(vector):
    """The entries of a vector, sparse or dense."""
    if hasattr(vector, "indices"):
        return zip(vector.indices.tolist(), vector.values.tolist(), strict=True)
    return enumerate(vector.values.tolist())


def assert_same(vectors, X, values):
    assert {vector.size for vector in vectors} == {X.shape[1]}
    for vector, row, value in zip(vectors, sparse_rows(X), values, strict=True):
        expected = {index: number for index, number in enumerated(vector) if number}
        assert row.keys() == expected.keys(), value
        np.testing.assert_allclose(
            [row[index] for index in expected], list(expected.values()), rtol=1e-6, err_msg=value
        )


def test_indices_are_those_of_sparks_feature_hasher(spark, table):
    from pyspark.ml.feature import FeatureHasher

    names = ["s", "name with spaces, ä", "x", "n", "hour", "b"]
    integers = ["n", "hour"]
    hasher = FeatureHasher(inputCols=names, outputCol="v", categoricalCols=integers)
    hashed = hasher.setNumFeatures(1 << 30).transform(frame_of(spark, table))
    vectors = [row.v for row in hashed.select("v").collect()]

    features = (
        *(Categorical(name) for name in names if name not in {"x", "b"}),
        Numeric("x", impute="none", scale="none"),
        Boolean("b"),
    )
    encode = Encoder(
        features, statistics_of("x"), hash_bits=30, dtype="float64", numbers_apart=False
    )
    (batch,) = table.combine_chunks().to_batches()
    for vector, row, value in zip(
        vectors, sparse_rows(encode(batch, labels=False).X), table.to_pylist(), strict=True
    ):
        expected = dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
        # Spark keeps a NaN, which is missing here
        expected = {index: v for index, v in expected.items() if v and not math.isnan(v)}
        assert row == expected, value


EVERY_KIND = (
    Numeric("x", log1p=True),
    Indicator("x"),
    Binned("x", LOG2_EDGES),
    Numeric("fare", impute="none", scale="minmax"),
    BINS,
    Binned("n", ()),
    Numeric("n", impute=-7, scale="none"),
    Categorical("s"),
    Categorical("name with spaces, ä"),
    Categorical("hour"),
    Boolean("b"),
    *(DatePart("t", part) for part in PARTS),
    *(DatePart("d", part) for part in PARTS[:4]),
    *(Cyclic("t", part, "sin") for part in PARTS[1:]),
    *(Cyclic("d", part, "cos") for part in PARTS[1:4]),
    Cross((Categorical("s"), Categorical("hour"))),
    Cross((Boolean("b"), BINS, DatePart("t", "hour"))),
    Cross((Indicator("x"), Categorical("name with spaces, ä"))),
    Text("s", "char", (1, 3)),
    Text("name with spaces, ä", norm="none"),
)


def test_both_forms_give_the_same_indices_and_values(spark, table, tmp_path):
    from pyspark.ml import PipelineModel

    from petafit.features.spark.stages import stages

    statistics = statistics_of("x", "fare", "n")
    frame = frame_of(spark, table)
    pipeline = PipelineModel(stages(EVERY_KIND, statistics, 20))
    encoded = pipeline.transform(frame)
    assert encoded.columns == [*table.column_names, "features"]
    vectors = [row.features for row in encoded.select("features").collect()]

    dictionaries = table.set_column(0, "s", table["s"].dictionary_encode())
    encode = Encoder(EVERY_KIND, statistics, hash_bits=20)
    (batch,) = dictionaries.combine_chunks().to_batches()
    assert_same(vectors, encode(batch, labels=False).X, table["s"].to_pylist())

    pipeline.save(str(tmp_path / "pipeline"))
    stored = PipelineModel.load(str(tmp_path / "pipeline")).transform(frame.limit(20))
    assert [row.features for row in stored.select("features").collect()] == vectors[:20]


NUMBERS_ALONE = (Numeric("x", log1p=True), Numeric("fare", impute="none", scale="minmax"))
ON_A_CIRCLE = (Cyclic("t", "hour", "cos"), Cyclic("d", "month", "sin"))


@pytest.mark.parametrize(
    "features",
    [
        NUMBERS_ALONE,
        (*NUMBERS_ALONE, *ON_A_CIRCLE),
        (*NUMBERS_ALONE, Text("s")),
        (Boolean("b"), Text("s")),
        (Text("s"),),
    ],
    ids=["numbers", "numbers on a circle", "numbers and text", "no number", "text"],
)
def test_both_forms_are_one_whatever_there_is(spark, table, tmp_path, features):
    from pyspark.ml import PipelineModel

    from petafit.features.spark.stages import stages

    pq.write_table(table, tmp_path / "rows.parquet")  # rows in memory Spark evaluates otherwise
    statistics, frame = statistics_of("x", "fare"), spark.read.parquet(f"{tmp_path}/rows.parquet")
    pipeline = PipelineModel(stages(features, statistics, 12))
    pipeline.save(str(tmp_path / "pipeline"))
    encoded = PipelineModel.load(str(tmp_path / "pipeline")).transform(frame)
    assert encoded.columns == [*table.column_names, "features"]
    vectors = [row.features for row in encoded.select("features").collect()]
    (batch,) = table.combine_chunks().to_batches()
    X = Encoder(features, statistics, hash_bits=12)(batch, labels=False).X
    assert_same(vectors, X, table["s"].to_pylist())


@pytest.mark.parametrize("name", ["a.b", "a`b"])
def test_names_that_spark_cannot_take_are_refused(name):
    from petafit.features.spark.stages import stages

    with pytest.raises(ConfigurationError, match=r"cannot take the feature 'a.b'"):
        stages((Categorical(name),), statistics_of(), 10)
