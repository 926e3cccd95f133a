"""The silhouette from sums of clusters, against scikit-learn's from all pairs of rows."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import silhouette_samples

from petafit.errors import EmptyInputError
from petafit.evaluation.clusters import (
    ClusteredRows,
    ClusterSums,
    MeanSilhouette,
    cluster_figures,
    silhouettes,
)


def drawn(rows: int = 60) -> ClusteredRows:
    """Rows in clusters 0, 2 and 3, the last of a single row; no row is in cluster 1."""
    random = np.random.default_rng(0)
    clusters = random.choice([0, 2], rows)
    clusters[0] = 3
    X = random.normal(size=(rows, 5)) + 0.5 * clusters[:, None]
    X[random.random(X.shape) < 0.4] = 0.0
    return ClusteredRows(csr_array(X), clusters, np.ones(rows), np.ones(rows))


def test_silhouettes_are_those_of_all_pairs() -> None:
    rows, counting = drawn(), ClusterSums(n_clusters=4, n_features=5)
    sums = counting.reduce(counting.start(), rows)
    expected = silhouette_samples(rows.X.toarray(), rows.clusters, metric="sqeuclidean")
    np.testing.assert_allclose(silhouettes(rows, sums), expected, atol=1e-12)
    assert expected[0] == 0, "alone in its cluster"
    mean = MeanSilhouette()
    found = mean.finish(mean.lift(mean.reduce(mean.start(sums), rows)))
    assert found == pytest.approx(expected.mean())
    figures = cluster_figures(sums, "mean_squared_distance", found)
    assert figures["clusters"] == 3
    assert figures["mean_squared_distance"] == 1


def test_sums_of_too_many_vectors_are_left_out() -> None:
    wide = ClusterSums(n_clusters=1000, n_features=1 << 20)
    assert wide.start().arrays["vectors"].size == 0


def test_no_rows_are_no_figures() -> None:
    empty = ClusterSums(n_clusters=2, n_features=3).start()
    with pytest.raises(EmptyInputError, match="no rows to measure"):
        cluster_figures(empty, "mean_squared_distance", None)
