"""Tasks without a label: clusterers of MLlib's are trained, evaluated and scored, and predict."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

import petafit
from petafit.cli import tables as show
from petafit.config.settings import LearnerChoice, Settings
from petafit.errors import ConfigurationError
from petafit.learners.mllib.limits import check_choice
from petafit.learners.registry import describe
from petafit.models.store import ModelStore
from petafit.spark.compatibility import frame_of
from petafit.table.opening import open_table
from petafit.workflow.evaluate import evaluate
from petafit.workflow.score import score
from petafit.workflow.task import Task
from petafit.workflow.train import train
from tests.small import table, with_settings

KMEANS: dict[str, Any] = {"name": "mllib.KMeans", "params": {"k": 3}}


def without_label(settings: Settings, **changes: Any) -> Settings:
    plain = settings.model_dump(exclude={"label"})
    return Settings.model_validate({**plain, "engine": "spark", "learner": KMEANS, **changes})


@pytest.mark.spark
def test_a_table_without_label_is_clustered(
    settings: Settings, spark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The workers compute the clusters: on the direct stream, as in `predict` and `transform`."""
    unlabelled = without_label(settings)
    trained = train(unlabelled, spark=spark).manifest
    weights = trained["weights"]
    assert weights["kind"] == "centers"
    assert weights["outputs"] == [0, 1, 2]
    assert {each["feature"] for each in weights["features"]} >= {"speed", "weekend=true"}

    measured = evaluate(unlabelled, spark=spark).manifest
    assert measured["measured_on"] == "test"
    assert measured["rows"] == {"in": 1500, "used": 1500, "quarantined": 0}
    assert 0 < measured["metrics"]["silhouette"] < 1
    assert measured["metrics"]["mean_squared_distance"] > 0
    assert sum(each["weight"] for each in measured["clusters"]) == 1500
    assert sum(each["share"] for each in measured["clusters"]) == pytest.approx(1)
    show.run(measured)
    assert re.search(r"cluster 2 +\d+\.\d% of the rows", capsys.readouterr().out)

    score(unlabelled, spark=spark)
    scored = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table().sort_by("id")
    assert scored.schema.field("prediction").type == pa.int32()
    assert scored.num_rows == 6000
    model = petafit.load_model(f"{settings.paths.models}/small")
    np.testing.assert_array_equal(model.predict(table()), scored["prediction"])
    with pytest.raises(ConfigurationError, match="gives no probabilities"):
        model.predict_proba(table())
    some = table().slice(0, 50)
    own = model.transform(frame_of(spark, some)).orderBy("id").toPandas()
    np.testing.assert_array_equal(own["prediction"], scored["prediction"][:50])
    np.testing.assert_array_equal(own["center_distance"], scored["center_distance"][:50])
    assert ModelStore(settings.paths.models).find("small").weights == weights


@pytest.mark.spark
def test_a_mixture_has_probabilities_of_its_clusters(settings: Settings, spark: Any) -> None:
    mixture = {"name": "mllib.GaussianMixture", "params": {"k": 2, "maxIter": 3}}
    features = [{"numeric": ["speed", "month"]}]
    unlabelled = without_label(settings, learner=mixture, features=features)
    train(unlabelled, spark=spark)
    metrics = evaluate(unlabelled, spark=spark).manifest["metrics"]
    assert np.isfinite(metrics["negative_log_likelihood"])
    score(unlabelled, spark=spark)
    scored = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table().sort_by("id")
    model = petafit.load_model(f"{settings.paths.models}/small")
    found = np.array(scored["probability"].to_pylist())
    np.testing.assert_allclose(found, model.predict_proba(table()), rtol=1e-12)
    np.testing.assert_array_equal(found.argmax(axis=1), scored["prediction"])


def test_a_label_is_neither_read_nor_a_feature_of_a_clusterer(settings: Settings) -> None:
    """A labelled task can be clustered, too."""
    labelled = with_settings(settings, learner=KMEANS, features="auto")
    task = Task.of(labelled, open_table(labelled.table))
    assert task.label is None
    assert "late" not in task.columns
    assert "late" not in task.checks.columns
    assert task.profile.label is None
    without = without_label(settings, features="auto")
    assert "late" in Task.of(without, open_table(without.table)).columns, "a column like others"


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        ("petafit.OnlineLinearClassifier", "is a classifier, and the task has no label"),
        ("sklearn.SGDRegressor", "is a regressor, and the task has no label"),
    ],
)
def test_a_learner_that_needs_a_label_says_so(settings: Settings, learner: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        train(without_label(settings, learner={"name": learner}, engine="local"))


def test_classes_without_a_column_are_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="need column"):
        without_label(settings, label={"classes": [0, 1]})


@pytest.mark.parametrize("name", ["LDA", "PowerIterationClustering"])
def test_estimators_that_cluster_no_rows_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"mllib\.{name} is no learner here.*KMeans"):
        describe(LearnerChoice(name=f"mllib.{name}"))


@pytest.mark.parametrize(
    ("name", "params", "hash_bits", "said"),
    [
        ("GaussianMixture", {}, 12, "at most 1,024 features"),
        ("KMeans", {"k": 1000}, 18, "too many features for the workers' memory"),
    ],
)
def test_clusters_that_are_too_large_are_refused(
    name: str, params: dict[str, Any], hash_bits: int, said: str
) -> None:
    choice = LearnerChoice(name=f"mllib.{name}", params=params)
    with pytest.raises(ConfigurationError, match=said):
        check_choice(choice, n_features=2**hash_bits, columns=())
