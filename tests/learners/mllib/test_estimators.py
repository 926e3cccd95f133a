"""MLlib's estimators behind the same conventions as the incremental learners."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError, StorageError
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoding.hashing import IndexSpace
from petafit.features.feature import Binned, Categorical, Cross, DatePart, Indicator, Numeric, Text
from petafit.features.spark.stages import stages
from petafit.learners.mllib import estimators as mllib
from petafit.learners.mllib.files import check_files
from petafit.store.filesystem import Folder

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


def statistics(*class_counts: int) -> TableStatistics:
    """Of rows with so many of each class; of a number as label where there is none."""
    classes = tuple(range(len(class_counts))) or None
    return TableStatistics(None, None, {}, classes=classes, class_counts=class_counts or None)


TWO, THREE = statistics(60, 60), statistics(40, 40, 40)


def predicted(model: Any, frame: DataFrame, known: TableStatistics = TWO) -> np.ndarray:
    columns = mllib.predictions(model, frame, known)
    added = [mllib.PREDICTION, mllib.DECISION] if known.classes else [mllib.PREDICTION]
    assert columns.columns == [*frame.columns, *added]
    return np.array([row[0] for row in columns.select(mllib.PREDICTION).collect()])


def decided(model: Any, frame: DataFrame, known: TableStatistics = TWO) -> list[float]:
    columns = mllib.predictions(model, frame, known)
    return [row[0] for row in columns.select(mllib.DECISION).collect()]


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
    found = predicted(model, frame, THREE)
    assert found.shape == (120, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_regressors_give_the_value(frame: DataFrame) -> None:
    model = make("mllib.LinearRegression", kind="regressor").fit(frame, stages=assemble())
    data = points(2)
    X = np.column_stack([data[:, :2], np.ones(120)])
    expected = X @ np.linalg.lstsq(X, data[:, 2])[0]
    np.testing.assert_allclose(predicted(model, frame, statistics()), expected, atol=1e-5)


def test_the_seed_is_passed_on(frame: DataFrame) -> None:
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


def test_an_error_of_fit_is_reported(frame: DataFrame) -> None:
    tweedie = make("mllib.GeneralizedLinearRegression", kind="regressor", family="binomial")
    with pytest.raises(ConfigurationError, match="cannot be fitted"):
        tweedie.fit(frame.withColumnRenamed(mllib.LABEL, "other"), stages=assemble())
    with pytest.raises(ConfigurationError, match="takes no weights"):
        make("mllib.FMClassifier").fit(frame, stages=assemble(), weight="weight")


def test_labels_that_spark_refuses_are_named(spark: SparkSession) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be fitted.*Labels MUST be"):
        make("mllib.LinearSVC").fit(_frame(spark, 3), stages=assemble())


THRESHOLDS = [
    ("LogisticRegression", {"threshold": 0.1}, 2),
    ("LinearSVC", {"threshold": -0.9, "maxIter": 3}, 2),
    ("FMClassifier", {"maxIter": 5, "thresholds": [0.9, 0.1]}, 2),
    ("NaiveBayes", {"modelType": "gaussian", "thresholds": [0.1, 0.8, 0.1]}, 3),
]


@pytest.mark.parametrize(("name", "params", "n_classes"), THRESHOLDS)
def test_a_model_decides_by_its_own_thresholds(
    spark: SparkSession, name: str, params: dict[str, Any], n_classes: int
) -> None:
    frame = _frame(spark, n_classes)
    model = make(f"mllib.{name}", **params).fit(frame, stages=assemble())
    own = [row.prediction for row in model.transform(frame).collect()]
    assert decided(model, frame, TWO if n_classes == 2 else THREE) == own
    plain = make(f"mllib.{name}", **{k: v for k, v in params.items() if "threshold" not in k})
    usual = plain.fit(frame, stages=assemble()).transform(frame)
    assert [row.prediction for row in usual.collect()] != own, "the thresholds change something"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["mllib.LogisticRegression", "mllib.OneVsRest"])
def test_listed_classes_that_no_row_has_are_impossible(frame: DataFrame, name: str) -> None:
    nested = {"classifier": "mllib.LinearSVC"} if name == "mllib.OneVsRest" else {}
    model = make(name, **nested).fit(frame, stages=assemble())
    known = statistics(0, 60, 0, 60)
    found, usual = predicted(model, frame, known), predicted(model, frame)
    assert found.shape == (120, 4)
    assert (found[:, [0, 2]] == (-1e38 if nested else 0.0)).all()
    if not nested:
        np.testing.assert_array_equal(found[:, 3], usual)
        np.testing.assert_allclose(found.sum(axis=1), 1)
    positions = np.array([1.0, 3.0])[np.array(decided(model, frame)).astype(int)]
    assert decided(model, frame, known) == positions.tolist()


def test_weights_reach_nested_classifiers_or_are_refused(frame: DataFrame) -> None:
    assert make("mllib.OneVsRest", classifier="mllib.LinearSVC").weighted
    with pytest.raises(ConfigurationError, match="takes no weights"):
        make("mllib.OneVsRest", classifier="mllib.FMClassifier").fit(
            frame, stages=assemble(), weight="weight"
        )
    with pytest.raises(ConfigurationError, match="needs a classifier"):
        make("mllib.OneVsRest", classifier="mllib.LinearRegression")


def test_a_failed_task_is_reported_in_one_line(frame: DataFrame) -> None:
    with pytest.raises(
        ConfigurationError, match=r"cannot be fitted; got Vector values MUST NOT be"
    ) as raised:
        make("mllib.NaiveBayes").fit(frame, stages=assemble())
    assert "\n" not in str(raised.value)


# OneVsRest leaves its pool of threads to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("name", "params", "fewer"),
    [
        ("LogisticRegression", {}, None),
        ("OneVsRest", {"classifier": {"name": "mllib.LogisticRegression"}}, None),
        ("LinearSVC", {"maxIter": 2}, None),
        ("FMClassifier", {"maxIter": 2}, None),
        ("RandomForestClassifier", {"numTrees": 2}, 1),  # as many as its splits name, or more
        ("NaiveBayes", {"modelType": "gaussian"}, None),
    ],
)
def test_saved_files_pass_the_checks(
    spark: SparkSession, tmp_path: Path, name: str, params: dict[str, Any], fewer: int | None
) -> None:
    features = (
        Numeric("x", log1p=True),
        Binned("x", (0.0, 5.0)),
        Categorical("c"),
        DatePart("day", "hour"),
        Cross((Categorical("c"), Indicator("x"))),
        Text("t"),
    )
    column = ColumnStatistics(count=30, missing=0, mean=2.0, sd=1.0, minimum=0.0, maximum=3.5)
    statistics = TableStatistics(30, 30.0, {"x": column}, classes=("a", "b"), class_counts=(15, 15))
    day = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [(float(i), f"it's {i % 3}", f"w{i % 4} x", day, float(i % 2)) for i in range(30)]
    frame = spark.createDataFrame(rows, ["x", "c", "t", "day", mllib.LABEL]).coalesce(1)
    fitted = make(name, **params).fit(frame, stages=stages(features, statistics, 6))
    mllib.save(fitted, f"file://{tmp_path}/model")
    width = IndexSpace(features, 6).size
    check_files(Folder(tmp_path / "model"), n_features=width)
    with pytest.raises(StorageError, match="does not fit its features"):
        check_files(Folder(tmp_path / "model"), n_features=fewer or width + 1)


def test_a_model_from_before_its_stages_moved_is_loaded(
    spark: SparkSession, tmp_path: Path
) -> None:
    features = (Numeric("x"), Text("t"))
    column = ColumnStatistics(count=30, missing=0, mean=15.0, sd=8.0, minimum=0.0, maximum=29.0)
    statistics = TableStatistics(30, None, {"x": column}, classes=(0, 1), class_counts=(15, 15))
    rows = [(float(i), f"w{i % 4} x", float(i % 2)) for i in range(30)]
    frame = spark.createDataFrame(rows, ["x", "t", mllib.LABEL]).coalesce(1)
    fitted = make("LogisticRegression").fit(frame, stages=stages(features, statistics, 6))
    mllib.save(fitted, f"file://{tmp_path}/model")
    renamed = 0
    for path in (tmp_path / "model").rglob("metadata/part-*"):
        before = path.read_text()
        path.write_text(before.replace("petafit.features.spark.", "petafit.features."))
        path.with_name(f".{path.name}.crc").unlink()
        renamed += path.read_text() != before
    assert renamed == 2
    check_files(Folder(tmp_path / "model"), n_features=IndexSpace(features, 6).size)
    loaded = mllib.load(f"file://{tmp_path}/model")
    np.testing.assert_array_equal(predicted(loaded, frame), predicted(fitted, frame))
