"""The encoder as a column of vectors of Spark ML."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from scipy.sparse import csr_array

from petafit.features.encoder import Encoder
from petafit.functions.arrow_columns import ArrowColumn
from petafit.models.callers_rows import as_batch
from petafit.store.arrays import from_bytes, to_bytes

_SPARSE = 0
_VECTORS = pa.struct(
    [
        ("type", pa.int8()),
        ("size", pa.int32()),
        ("indices", pa.list_(pa.int32())),
        ("values", pa.list_(pa.float64())),
    ]
)
"""The storage of Spark's vectors."""


def encoded(encoder: Encoder, schema: pa.Schema, inputs: Sequence[str]) -> ArrowColumn:
    """Return the column of vectors that an encoder makes of the columns of a schema."""
    stored = to_bytes(encoder.to_state_dict())

    def encode(*columns: pa.Array) -> pa.Array:
        given = pa.RecordBatch.from_arrays([*columns], names=schema.names)
        return as_vectors(_encoder(stored)(as_batch(given, schema), labels=False).X)

    return ArrowColumn(encode, inputs, VectorUDT())


def as_vectors(X: csr_array) -> pa.StructArray:
    """Return rows as sparse vectors; what collides is added up, and zeros stay.

    Examples
    --------
    >>> rows = csr_array(([1.0, 2.0, 0.0], [3, 3, 1], [0, 2, 3]), shape=(2, 4))
    >>> as_vectors(rows)[0].as_py()
    {'type': 0, 'size': 4, 'indices': [3], 'values': [3.0]}
    """
    X = X.copy()  # the encoder writes its next batch to the same memory
    X.sum_duplicates()
    rows, size = X.shape
    lists = (
        pa.ListArray.from_arrays(X.indptr.astype(np.int32), pa.array(content))
        for content in (X.indices.astype(np.int32), X.data)
    )
    constant = (pa.array(np.full(rows, _SPARSE, np.int8)), pa.array(np.full(rows, size, np.int32)))
    return pa.StructArray.from_arrays([*constant, *lists], fields=list(_VECTORS))


@lru_cache(maxsize=4)
def _encoder(stored: bytes) -> Encoder:
    """Return an encoder; a worker builds one for all its batches."""
    return Encoder.from_state_dict(from_bytes(stored), dtype="float64", labelled=False)
