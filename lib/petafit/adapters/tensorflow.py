"""Encoded rows as a `tf.data.Dataset`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.sparse import csr_array

from petafit.adapters.sklearn import batches
from petafit.features.instances import Instances


def dataset(instances: Instances) -> tf.data.Dataset:
    """Return batches of features and labels, shard by shard; every iteration reads them again.

    Returns
    -------
    tf.data.Dataset of (X, y)
        X (n_rows, n_features) is a `tf.SparseTensor` with the columns of a row in ascending order,
        or a dense tensor where the task's learner takes dense rows; an index that occurs twice in
        a row adds up. y (n_rows,) float64 holds positions in ``instances.classes``, or the numbers
        to predict.

    Raises
    ------
    ConfigurationError
        When it is iterated over: the rows have weights, which (X, y) cannot represent.
    """
    encoder = instances.encoding.encoder
    spec = tf.TensorSpec if encoder.layout == "dense" else tf.SparseTensorSpec
    X, y = (
        spec((None, instances.n_features), tf.as_dtype(encoder.dtype)),
        tf.TensorSpec((None,), tf.float64),
    )

    def generate() -> Iterator[tuple[Any, np.ndarray]]:
        for X, y in batches(instances):
            yield X if isinstance(X, np.ndarray) else _sparse_tensor(X), y

    return tf.data.Dataset.from_generator(generate, output_signature=(X, y))


def _sparse_tensor(X: csr_array) -> tf.SparseTensor:
    """Convert to a sparse tensor, sorting the entries of a row by column as TensorFlow requires."""
    entries = X.sorted_indices()
    rows = np.repeat(np.arange(X.shape[0]), np.diff(entries.indptr))
    places = np.column_stack([rows, entries.indices]).astype(np.int64, copy=False)
    return tf.SparseTensor(places, entries.data, X.shape)
