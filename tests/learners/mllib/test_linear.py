"""MLlib's linear models, computed without Spark: the predictions are Spark's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from petafit.config.settings import LearnerChoice
from petafit.errors import StorageError
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import Categorical, Cross, Numeric
from petafit.features.spark.stages import stages
from petafit.learners.mllib import estimators as mllib
from petafit.learners.mllib.linear import LinearModel
from petafit.models.mllib import MllibModel, SparkModel, read_mllib
from petafit.models.model import model_from_named
from petafit.models.signature import Signature

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

FEATURES = (
    Numeric("x", log1p=True),
    Numeric("n", impute="none", scale="minmax"),
    Categorical("c"),
    Cross((Categorical("c"), Categorical("d"))),
)
NUMBERS = {
    "x": ColumnStatistics(300, 0, 1.1, 0.7, 0.0, 3.5),
    "n": ColumnStatistics(300, 30, 4.0, 3.0, -5.0, 9.0),
}


def rows() -> pa.Table:
    random = np.random.default_rng(0)
    x, n = random.exponential(3, 300), random.integers(-5, 10, 300)
    noise = random.normal(size=300)
    return pa.table(
        {
            "x": x,
            "n": pa.array(n, pa.int64(), mask=random.random(300) < 0.1),
            "c": pa.array(random.choice(["red", "green", "blue"], 300)),
            "d": pa.array(random.choice(["a", "b"], 300)),
            mllib.LABEL: np.digitize(n / 3 - np.log1p(x) + noise, [-0.5, 1.0]).astype(float),
            "number": n - 2 * x + noise,
        }
    )


def fitted(
    spark: SparkSession, folder: Path, name: str, params: dict[str, Any], counts: tuple[int, ...]
) -> tuple[SparkModel | MllibModel, np.ndarray, np.ndarray | None]:
    """A stored model, and the predictions and decisions that Spark makes with it.

    Parameters
    ----------
    counts : tuple of int
        Training rows of each class; empty for a number as label.
    """
    choice = LearnerChoice(name=f"mllib.{name}", params=params)
    kind: Any = "classifier" if counts else "regressor"
    known = TableStatistics(
        300,
        None,
        NUMBERS,
        classes=tuple(range(len(counts))) or None,
        class_counts=counts or None,
        label=None if counts else ColumnStatistics(300, 0, 0.0, 1.0, -9.0, 9.0),
    )
    table = rows()
    most = sum(map(bool, counts)) - 1
    label = np.minimum(table[mllib.LABEL], most) if counts else table["number"].to_numpy()
    place = table.column_names.index(mllib.LABEL)
    frame = spark.createDataFrame(table.set_column(place, mllib.LABEL, pa.array(label))).coalesce(1)
    estimator = mllib.make_estimator(choice, kind=kind, seed=0)
    model = estimator.fit(frame, stages=stages(FEATURES, known, 8))
    mllib.save(model, f"file://{folder}/model")
    own = mllib.predictions(model, frame, known).toPandas()
    encoder = Encoder(FEATURES, known, hash_bits=8, label="y", dtype="float64")
    signature = Signature(encoder, choice, table.select(["x", "n", "c", "d"]).schema)
    decided = own[mllib.DECISION].to_numpy() if counts else None
    read = read_mllib(signature, f"file://{folder}/model")
    return read, np.array(own[mllib.PREDICTION].tolist()), decided


CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("LogisticRegression", {"regParam": 0.01}, (150, 150)),
    ("LogisticRegression", {"threshold": 0.2}, (150, 150)),
    ("LogisticRegression", {"thresholds": [0.2, 0.9]}, (150, 150)),
    ("LogisticRegression", {"family": "multinomial", "thresholds": [0.9, 0.3]}, (150, 150)),
    ("LogisticRegression", {"regParam": 0.05, "elasticNetParam": 1.0}, (100, 100, 100)),
    ("LogisticRegression", {"thresholds": [0.9, 0.0, 0.4]}, (100, 0, 100, 100)),
    ("LogisticRegression", {"threshold": 0.3}, (150, 0, 150)),
    ("LinearSVC", {"maxIter": 5}, (150, 150)),
    ("LinearSVC", {"maxIter": 5, "threshold": 0.4}, (0, 150, 150)),
    ("LinearRegression", {"regParam": 0.1, "elasticNetParam": 0.5}, ()),
    ("LinearRegression", {"loss": "huber", "maxIter": 5}, ()),
]


@pytest.mark.parametrize(("name", "params", "counts"), CASES)
def test_predictions_are_those_of_spark(
    spark: SparkSession, tmp_path: Path, name: str, params: dict[str, Any], counts: tuple[int, ...]
) -> None:
    model, predictions, decided = fitted(spark, tmp_path, name, params, counts)
    assert isinstance(model, MllibModel)
    model = model_from_named(model.to_state_dict())
    assert isinstance(model, MllibModel), "as a worker rebuilds it"
    (batch,) = rows().combine_chunks().to_batches()
    found = model.predict_batch(batch)
    np.testing.assert_allclose(found, predictions, rtol=1e-9, atol=1e-12)
    expected = predictions if decided is None else decided.astype(int)
    np.testing.assert_allclose(model.predict(rows()), expected, rtol=1e-9)
    if model.output == "probability":
        np.testing.assert_allclose(model.predict_proba(rows()).sum(axis=1), 1)


def test_a_model_of_other_features_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    model, _, _ = fitted(spark, tmp_path, "LinearSVC", {"maxIter": 1}, (150, 150))
    assert isinstance(model, MllibModel)
    small = LinearModel(model.fitted.coefficients[:, 1:], model.fitted.intercepts, "margin")
    with pytest.raises(StorageError, match="does not fit its features"):
        MllibModel.of(model, small)


def test_other_models_are_left_to_spark(spark: SparkSession, tmp_path: Path) -> None:
    model, _, _ = fitted(spark, tmp_path, "DecisionTreeRegressor", {"maxDepth": 2}, ())
    assert isinstance(model, SparkModel)
