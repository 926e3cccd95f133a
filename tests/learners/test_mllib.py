"""MLlib's estimators behind the same conventions as the incremental learners."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError
from petafit.learners import mllib

if TYPE_CHECKING:
    from pyspark.ml import Transformer
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark


def make(name: str, *, kind: Any = "classifier", **params: Any) -> mllib.Estimator:
    return mllib.make_estimator(LearnerChoice(name=name, params=params), kind=kind, seed=0)


def points(n_classes: int) -> np.ndarray:
    """Columns: two features, the class they give by their sum, a weight."""
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 2))
    score = X.sum(axis=1) + random.normal(size=120)
    return np.column_stack([X, np.digitize(score, [0.0, 1.5][: n_classes - 1]), [1.0, 2.0] * 60])


@pytest.fixture
def frame(spark: SparkSession) -> DataFrame:
    return _frame(spark, 2)


def _frame(spark: SparkSession, n_classes: int) -> DataFrame:
    return spark.createDataFrame(
        points(n_classes).tolist(), ["a", "b", mllib.LABEL, "weight"]
    ).coalesce(1)


def assemble() -> list[Transformer]:
    from pyspark.ml.feature import VectorAssembler

    return [VectorAssembler(inputCols=["a", "b"], outputCol=mllib.FEATURES)]


def predicted(model: Any, frame: DataFrame) -> np.ndarray:
    columns = mllib.predictions(model, frame)
    assert columns.columns == [*frame.columns, mllib.PREDICTION]
    return np.array([row[0] for row in columns.select(mllib.PREDICTION).collect()])


def test_logistic_regression_is_the_same_as_scikit_learns(
    spark: SparkSession, frame: DataFrame, tmp_path: Path
) -> None:
    model = make("mllib.LogisticRegression", tol=1e-9).fit(
        frame, stages=assemble(), weight="weight"
    )
    data = points(2)
    reference = LogisticRegression(C=np.inf, tol=1e-9).fit(
        data[:, :2], data[:, 2], sample_weight=data[:, 3]
    )
    found = predicted(model, frame.withColumnRenamed("weight", "a.b"))
    np.testing.assert_allclose(found, reference.predict_proba(data[:, :2])[:, 1], atol=1e-4)
    uri = str(tmp_path / "model")
    mllib.save(model, uri)
    np.testing.assert_array_equal(predicted(mllib.load(uri), frame), found)


# Spark leaves the thread pool of OneVsRest open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["mllib.LinearSVC", "mllib.OneVsRest"])
def test_margins_decide_by_their_sign(frame: DataFrame, name: str) -> None:
    svm = {"name": "mllib.LinearSVC", "params": {"maxIter": 3}}
    estimator = make(name, **({"classifier": svm} if name == "mllib.OneVsRest" else svm["params"]))
    assert estimator.output == "margin"
    model = estimator.fit(frame, stages=assemble())
    decided = [row.prediction for row in model.transform(frame).collect()]
    np.testing.assert_array_equal(predicted(model, frame) > 0, np.array(decided) == 1)


def test_more_classes_give_a_column_for_each(spark: SparkSession) -> None:
    frame = _frame(spark, 3)
    model = make("mllib.RandomForestClassifier", numTrees=3).fit(frame, stages=assemble())
    found = predicted(model, frame)
    assert found.shape == (120, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_regressors_give_the_value(frame: DataFrame) -> None:
    model = make("mllib.LinearRegression", kind="regressor").fit(frame, stages=assemble())
    data = points(2)
    X = np.column_stack([data[:, :2], np.ones(120)])
    expected = X @ np.linalg.lstsq(X, data[:, 2])[0]
    np.testing.assert_allclose(predicted(model, frame), expected, atol=1e-5)


def test_the_seed_reaches_what_is_random(frame: DataFrame) -> None:
    assert make("mllib.GBTClassifier").spark.getSeed() == 0
    assert make("mllib.GBTClassifier", seed=5).spark.getSeed() == 5


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("mllib.LinearRegression", {}, "is a regressor"),
        ("mllib.LogisticRegression", {"regParam": "much"}, "regParam"),
        ("mllib.LogisticRegression", {"regParam": -1.0}, "regParam given invalid value"),
        ("mllib.OneVsRest", {"classifier": {"name": "mllib.Nothing"}}, "'Nothing'"),
    ],
)
def test_mistakes_are_named(
    spark: SparkSession, name: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(name, **params)


def test_what_spark_refuses_when_it_fits_is_named(frame: DataFrame) -> None:
    tweedie = make("mllib.GeneralizedLinearRegression", kind="regressor", family="binomial")
    with pytest.raises(ConfigurationError, match="cannot be fitted"):
        tweedie.fit(frame.withColumnRenamed(mllib.LABEL, "other"), stages=assemble())
    with pytest.raises(ConfigurationError, match="takes no weights"):
        make("mllib.FMClassifier").fit(frame, stages=assemble(), weight="weight")


def test_labels_that_spark_refuses_are_named(spark: SparkSession) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be fitted.*Labels MUST be"):
        make("mllib.LinearSVC").fit(_frame(spark, 3), stages=assemble())
