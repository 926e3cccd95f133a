"""MLlib's clusterers, computed without Spark: clusters, distances and metrics are Spark's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)
from scipy.sparse import csr_array
from scipy.stats import multivariate_normal

from petafit.config.settings import LearnerChoice
from petafit.evaluation.clusters import EvaluateClusters, Silhouette, cluster_figures
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import columns_of
from petafit.features.spark.stages import FEATURES as VECTOR
from petafit.features.spark.stages import stages
from petafit.learners.mllib import estimators as mllib
from petafit.learners.mllib.clusters import ClusterModel, square_distances
from petafit.learners.mllib.weights import weights_of
from petafit.models.mllib import MllibModel, read_mllib
from petafit.models.signature import Signature
from tests.learners.mllib.fitting import FEATURES, NUMBERS, as_a_worker_rebuilds, rows

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from petafit.features.feature import Feature

BITS = 3
NUMERIC = FEATURES[:2]
CASES: list[tuple[str, dict[str, Any], tuple[Feature, ...]]] = [
    ("KMeans", {"k": 4}, FEATURES),
    ("KMeans", {"k": 3, "distanceMeasure": "cosine"}, FEATURES),
    ("BisectingKMeans", {"k": 5}, FEATURES),
    ("GaussianMixture", {"k": 2, "maxIter": 5}, NUMERIC),
    ("GaussianMixture", {"k": 2, "maxIter": 5}, FEATURES),
]


def table() -> pa.Table:
    """Rows with weights, and one that is far from all others."""
    own = rows()
    weight = np.random.default_rng(1).integers(1, 4, len(own)).astype(float)
    numbers = own["x"].to_numpy().copy()
    numbers[0] = 4000.0
    return own.set_column(0, "x", [numbers]).append_column("w", [weight])


def clustered(
    spark: SparkSession,
    folder: Path,
    name: str,
    params: dict[str, Any],
    features: tuple[Feature, ...],
) -> tuple[MllibModel, DataFrame, Any]:
    """A stored model as a worker has it, Spark's own predictions, and Spark's own model."""
    choice = LearnerChoice(name=f"mllib.{name}", params=params)
    known = TableStatistics(300, None, NUMBERS)
    frame = spark.createDataFrame(table().to_pandas()).coalesce(1)
    estimator = mllib.make_estimator(choice, kind="clusterer", seed=0)
    model = estimator.fit(frame, stages=stages(features, known, BITS), weight="w")
    mllib.save(model, f"file://{folder}/model")
    encoder = Encoder(features, known, hash_bits=BITS, weight="w", dtype="float64")
    signature = Signature(encoder, choice, table().select([*columns_of(features)]).schema)
    read = read_mllib(signature, f"file://{folder}/model")
    return as_a_worker_rebuilds(read), model.transform(frame), model.stages[-1]


@pytest.mark.spark
@pytest.mark.parametrize(("name", "params", "features"), CASES)
def test_clusters_and_metrics_are_those_of_spark(
    spark: SparkSession,
    tmp_path: Path,
    name: str,
    params: dict[str, Any],
    features: tuple[Feature, ...],
) -> None:
    model, predicted, fitted = clustered(spark, tmp_path, name, params, features)
    theirs = predicted.toPandas()
    found = model.predict(table())
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, theirs["prediction"])
    X = np.array([vector.toArray() for vector in theirs[VECTOR]])
    weight, cosine = theirs["w"].to_numpy(), params.get("distanceMeasure") == "cosine"
    if name == "GaussianMixture":
        probabilities = np.array([vector.toArray() for vector in theirs["probability"]])
        np.testing.assert_allclose(model.predict_proba(table()), probabilities, rtol=1e-6)
        densities = [
            multivariate_normal(each.mean.toArray(), each.cov.toArray(), allow_singular=True).pdf(X)
            for each in fitted.gaussiansDF.collect()
        ]
        losses = -np.log(np.array(fitted.weights) @ np.array(densities))
    else:
        centers = np.array(fitted.clusterCenters())[found]
        losses = np.square(X - centers).sum(axis=1)
        if cosine:
            lengths = np.linalg.norm(X, axis=1) * np.linalg.norm(centers, axis=1)
            losses = 1 - (X * centers).sum(axis=1) / lengths
    measured = measure(model)
    if not (name == "GaussianMixture" and features == FEATURES):  # singular: no density
        expected = np.average(losses, weights=weight)
        assert measured[model.objective.name] == pytest.approx(expected)
    evaluator = ClusteringEvaluator(
        featuresCol=VECTOR,
        weightCol="w",
        distanceMeasure="cosine" if cosine else "squaredEuclidean",
    )
    assert measured["silhouette"] == pytest.approx(evaluator.evaluate(predicted), rel=1e-9)
    assert measured["clusters"] == predicted.agg(F.count_distinct("prediction")).first()[0]
    centers_found = weights_of(fitted)
    assert centers_found is not None
    assert centers_found.values.shape == (params["k"], model.encoder.n_features)


def measure(model: MllibModel) -> dict[str, float | None]:
    """The metrics of all rows, in three shards."""
    (batch,) = table().combine_chunks().to_batches()
    shards = [batch.slice(0, 100), batch.slice(100, 1), batch.slice(101)]
    assert isinstance(model.fitted, ClusterModel)
    sizes = {"n_clusters": model.fitted.n_clusters, "n_features": model.encoder.n_features}
    counting, content = EvaluateClusters(**sizes), model.to_state_dict()

    def over_shards(aggregator: Any, start: Any) -> Any:
        parts = [
            aggregator.lift(aggregator.reduce(aggregator.start(start), each)) for each in shards
        ]
        return aggregator.finish(aggregator.merge(aggregator.merge(*parts[:2]), parts[2]))

    sums = over_shards(counting, content)
    start = content.prefixed("model") | sums.prefixed("sums")
    return cluster_figures(sums, model.objective.name, over_shards(Silhouette(), start))


def test_distances_of_columns_without_scale_are_exact() -> None:
    """The square of a year's seconds leaves no digit for the distance of a millisecond."""
    random = np.random.default_rng(0)
    offset = np.array([3e7, 0.0, 0.0, 5.0])
    points = offset + 1e-3 * random.normal(size=(3, 4))
    X = offset + 1e-3 * random.normal(size=(50, 4))
    X[:, 1] = 0.0
    exact = np.square(X[:, None] - points).sum(axis=2)
    np.testing.assert_allclose(square_distances(csr_array(X), points), exact, rtol=1e-6)
