"""Vectors of stages in Spark ML: a transformer that appends them to the hashed vector.

Spark's VectorAssembler would list each of a million hashed indices in the column's metadata.
"""

from collections.abc import Sequence

import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.sql import DataFrame

from petafit.features.encoding.vectors import VectorBlock
from petafit.features.feature import Vector
from petafit.features.spark.number_stage import with_entries
from petafit.features.spark.sparse_stage import SparseVectorStage
from petafit.functions.arrow_columns import ArrowColumn, with_arrow_columns
from petafit.table.filters.literals import quoted


class AddVectors(SparseVectorStage):
    """Appends the slots of vectors to a column of sparse vectors; stored like Spark's own stages.

    Spark's reader creates it without arguments, and sets the parameters afterwards.

    Parameters
    ----------
    vectors : sequence of str
        Columns of vectors.
    sizes : sequence of int
        The number of slots of each.
    vector : str
        The column of sparse vectors.
    first : int
        The index of the first slot.
    """

    vectors: "Param[list[str]]" = Param(
        Params._dummy(), "vectors", "the columns to append", TypeConverters.toListString
    )
    sizes: "Param[list[int]]" = Param(
        Params._dummy(), "sizes", "their numbers of slots", TypeConverters.toListInt
    )
    first: "Param[int]" = Param(
        Params._dummy(), "first", "the first slot's index", TypeConverters.toInt
    )

    def __init__(
        self,
        *,
        vectors: Sequence[str] = (),
        sizes: Sequence[int] = (),
        vector: str = "",
        first: int = 0,
    ) -> None:
        super().__init__()
        self._set(vectors=list(vectors), sizes=list(sizes), vector=vector, first=first)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        names, sizes = self.getOrDefault(self.vectors), self.getOrDefault(self.sizes)
        first = self.getOrDefault(self.first)
        starts = [first + sum(sizes[:place]) for place in range(len(sizes))]
        features = [Vector(name, size) for name, size in zip(names, sizes, strict=True)]
        block = VectorBlock(features, starts)

        def with_vectors(hashed: pa.Array, *others: pa.Array) -> pa.Array:
            batch = pa.RecordBatch.from_arrays(list(others), names)
            entries = block.encode(batch, "float64")
            return hashed if entries is None else with_entries(hashed, entries, first + sum(sizes))

        vector = self.getOrDefault(self.vector)
        made = ArrowColumn(with_vectors, [vector, *map(quoted, names)], VectorUDT())
        return with_arrow_columns(dataset, {vector: made})
