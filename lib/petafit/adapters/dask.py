"""Encoded rows as Dask arrays: a chunk for each shard."""

import dask.array as da
import numpy as np
from dask.delayed import delayed
from scipy.sparse import csr_matrix, vstack

from petafit.adapters.sklearn import batches
from petafit.features.instances import Instances


def arrays(instances: Instances) -> tuple[da.Array, da.Array]:
    """Return features and labels; a task reads a shard when its chunk is needed.

    A chunk must fit into a worker's memory: ``training.shards`` is their number.

    Raises
    ------
    ConfigurationError
        When a chunk is read: the rows have weights, which (X, y) cannot represent.

    Returns
    -------
    X : dask array of shape (nan, n_features)
        Its chunks are `csr_matrix`, or ndarray where the task's learner takes dense rows.
    y : dask array of float64, shape (nan,)
        Positions in ``instances.classes``, or the numbers to predict.
    """
    shards = [delayed(_shard, pure=True, nout=2)(instances, k) for k in range(instances.shards)]
    width, meta = instances.n_features, _meta(instances)
    X = [da.from_delayed(X, shape=(np.nan, width), meta=meta) for X, _ in shards]
    y = [da.from_delayed(y, shape=(np.nan,), meta=np.empty(0)) for _, y in shards]
    return (
        da.concatenate(X, allow_unknown_chunksizes=True),
        da.concatenate(y, allow_unknown_chunksizes=True),
    )


def _shard(instances: Instances, shard: int) -> tuple[csr_matrix | np.ndarray, np.ndarray]:
    """Return all rows of a shard."""
    read = list(batches(instances.shard(shard)))
    if not read:
        return _meta(instances), np.empty(0)
    X, y = zip(*read, strict=True)
    if isinstance(X[0], np.ndarray):
        return np.concatenate(X), np.concatenate(y)
    return csr_matrix(vstack(X, format="csr")), np.concatenate(y)


def _meta(instances: Instances) -> csr_matrix | np.ndarray:
    """Return an empty chunk, from which Dask infers the others' type."""
    encoder = instances.encoding.encoder
    shape = (0, encoder.n_features)
    if encoder.layout == "dense":
        return np.empty(shape, encoder.dtype)
    return csr_matrix(shape, dtype=encoder.dtype)
