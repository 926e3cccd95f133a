"""Texts in one Unicode form in Spark ML: as the encoder has them."""

import random

import pyarrow as pa
import pytest

from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import Categorical, Cross, Numeric, Text
from petafit.spark.compatibility import arrow_table, frame_of
from tests.features.spark.test_stages import assert_same

pytest.importorskip("pyspark")
pytestmark = pytest.mark.spark

PIECES = (
    "e\u0301",
    "\u00e9",
    "\u212b",
    "A\u030a",
    "\ufb01",
    "a",
    " ",
    "\u0301",
    "\u1e69",
    "s\u0323\u0307",
)
FEATURES = (
    Categorical("a,b c"),
    Categorical("n"),
    Cross((Categorical("a,b c"), Categorical("n"), Categorical("t"))),
    Numeric("x", impute="none", scale="none"),
    Text("t", "char", (1, 3)),
)


@pytest.fixture(scope="module")
def table():
    rng = random.Random(0)
    drawn = [["".join(rng.choices(PIECES, k=rng.randrange(5))) for _ in range(300)] for _ in "at"]
    a, t = (pa.array([None if rng.random() < 0.1 else text for text in texts]) for texts in drawn)
    numbers = [rng.randrange(3) for _ in range(300)]
    return pa.table({"a,b c": a, "t": t, "n": numbers, "x": [float(n) for n in numbers]})


@pytest.mark.parametrize("form", ["NFC", "NFKD", None])
@pytest.mark.parametrize("features", [FEATURES, FEATURES[1:2], FEATURES[3:4], FEATURES[4:]])
def test_both_forms_of_the_features_normalize_alike(spark, table, tmp_path, form, features):
    from pyspark.ml import PipelineModel

    from petafit.features.spark.stages import stages
    from petafit.learners.mllib.files import check_classes
    from petafit.store.filesystem import Folder

    pipeline = PipelineModel(stages(features, TableStatistics(300, 300, {}), 16, form))
    pipeline.save(str(tmp_path / "pipeline"))
    check_classes(Folder(tmp_path / "pipeline"))
    encoded = PipelineModel.load(str(tmp_path / "pipeline")).transform(frame_of(spark, table))
    rows = arrow_table(encoded).drop_columns("features")
    assert rows.select(table.column_names).to_pydict() == table.to_pydict()  # as they are stored
    (batch,) = table.combine_chunks().to_batches()
    encode = Encoder(features, TableStatistics(300, 300, {}), hash_bits=16, unicode=form)
    vectors = [row.features for row in encoded.select("features").collect()]
    assert_same(vectors, encode(batch, labels=False).X, table["t"].to_pylist())
