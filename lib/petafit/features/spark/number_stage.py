"""Numbers in Spark ML: a transformer that appends them to the hashed indices of a vector.

Spark's VectorAssembler would list each of a million hashed indices in the column's metadata. So the
entries are added here, as Arrow batches.
"""

import numpy as np
import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.sql import DataFrame
from scipy.sparse import coo_array

from petafit.features.encoding.csr import Ragged
from petafit.features.spark.sparse_stage import SparseVectorStage
from petafit.functions.arrow_columns import ArrowColumn, with_arrow_columns


class AddNumbers(SparseVectorStage):
    """Appends an array of doubles to sparse vectors; stored and loaded like Spark's own stages.

    Null leaves an entry out. Spark's reader creates the stage without arguments, and sets the
    parameters afterwards.

    Parameters
    ----------
    numbers : str
        The column of arrays, all of the same length.
    vector : str
        The column of vectors.
    first, size : int
        The index of the first number, and the size of the vectors with all of them.
    """

    numbers: "Param[str]" = Param(
        Params._dummy(), "numbers", "the column of numbers", TypeConverters.toString
    )
    first: "Param[int]" = Param(
        Params._dummy(), "first", "the first number's index", TypeConverters.toInt
    )
    size: "Param[int]" = Param(Params._dummy(), "size", "of the vectors", TypeConverters.toInt)

    def __init__(
        self, *, numbers: str = "", vector: str = "", first: int = 0, size: int = 0
    ) -> None:
        super().__init__()
        self._set(numbers=numbers, vector=vector, first=first, size=size)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        first, size = self.getOrDefault(self.first), self.getOrDefault(self.size)

        def with_numbers(vectors: pa.Array, numbers: pa.Array) -> pa.Array:
            return with_entries(vectors, _entries(numbers, first, size - first), size)

        vector = self.getOrDefault(self.vector)
        inputs = [vector, self.getOrDefault(self.numbers)]
        made = ArrowColumn(with_numbers, inputs, VectorUDT())
        return with_arrow_columns(dataset, {vector: made})


def _entries(numbers: pa.ListArray, first: int, count: int) -> Ragged:
    """Return the non-null entries of each row."""
    values = numbers.flatten().to_numpy(zero_copy_only=False).reshape(-1, count)
    present = ~np.isnan(values)
    ends = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    indices = np.broadcast_to(np.arange(first, first + count, dtype=np.int32), values.shape)
    return Ragged(ends, indices[present], values[present])


def with_entries(vectors: pa.StructArray, more: Ragged, size: int) -> pa.StructArray:
    """Return sparse vectors of this size with entries added, indices in ascending order.

    Zeros are left out: Spark's factorization machines fail at vectors that store them.
    """
    kind, _, indices, values = vectors.flatten()
    rows = np.arange(len(vectors), dtype=np.int32)
    lengths = np.concatenate([indices.value_lengths().to_numpy(), np.diff(more.offsets)])
    entries = coo_array(
        (
            np.concatenate([values.flatten().to_numpy(), more.values]),
            (
                np.repeat(np.tile(rows, 2), lengths),
                np.concatenate([indices.flatten().to_numpy(), more.indices]),
            ),
        ),
        shape=(len(vectors), size),
    ).tocsr()
    entries.eliminate_zeros()
    sizes = pa.array(np.full(len(vectors), size), vectors.type.field("size").type)
    lists = [
        pa.ListArray.from_arrays(entries.indptr, content, type=vectors.type.field(name).type)
        for name, content in (("indices", entries.indices), ("values", entries.data))
    ]
    return pa.StructArray.from_arrays([kind, sizes, *lists], fields=list(vectors.type))
