from importlib.util import find_spec

import numpy as np
import pytest
from scipy.sparse import coo_array

import petafit
from petafit.adapters.sklearn import batches
from petafit.config.settings import Settings
from tests.adapters.checksums import checksum
from tests.small import with_settings

pytestmark = pytest.mark.skipif(
    find_spec("tensorflow") is None, reason="the extra bench installs TensorFlow"
)


@pytest.mark.parametrize("learner", ["petafit.OnlineLinearClassifier", "sklearn.GaussianNB"])
def test_tensorflow_gets_exactly_these_rows(settings: Settings, learner: str) -> None:
    from petafit.adapters.tensorflow import dataset

    instances = petafit.open_instances(with_settings(settings, learner=learner, hash_bits=8))
    rows = dataset(instances)
    for _ in range(2):
        read = [(_matrix(X), y.numpy()) for X, y in rows]
        assert checksum(read) == checksum(batches(instances))


def test_tensorflow_computes_with_them(settings: Settings) -> None:
    import tensorflow as tf

    from petafit.adapters.tensorflow import dataset

    instances = petafit.open_instances(settings)
    weights = np.random.default_rng(0).normal(size=(instances.n_features, 1)).astype(np.float32)
    for (X, _), (ours, _) in zip(dataset(instances).take(3), batches(instances), strict=False):
        product = tf.sparse.sparse_dense_matmul(X, weights)
        np.testing.assert_allclose(product, ours @ weights, rtol=1e-5, atol=1e-5)


def _matrix(X: object) -> object:
    if not hasattr(X, "indices"):
        return np.asarray(X)
    places = np.asarray(X.indices)
    return coo_array(
        (np.asarray(X.values), (places[:, 0], places[:, 1])), shape=X.dense_shape
    ).tocsr()
