"""The text features in Spark ML: a transformer that adds n-gram counts to the hashed vector.

No stage of Spark's adds sparse vectors, and its lower-casing and its words are not Arrow's. So the
texts go through the very kernels of the encoder, as Arrow batches.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml import Transformer
from pyspark.ml.linalg import VectorUDT
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql.pandas.functions import arrow_udf
from scipy.sparse import coo_array

from petafit.features.feature import Text, columns_of, from_plain, to_plain
from petafit.features.ragged import Ragged
from petafit.features.text import TextBlock
from petafit.table.literals import quoted


class AddText(Transformer, DefaultParamsReadable[Any], DefaultParamsWritable):
    """Adds text features to a column of sparse vectors; stored and loaded like Spark's own stages.

    Spark's reader makes one without arguments, and sets the parameters afterwards. Spark 4.2 needs
    ``spark.sql.execution.arrow.pythonUDF.columnarInput.enabled=false``, as petafit's sessions have.

    Parameters
    ----------
    features : sequence of Text
    vector : str
        The column of vectors, ``2**hash_bits`` long.
    hash_bits : int
    """

    features: "Param[str]" = Param(
        Params._dummy(), "features", "the text features, as JSON", TypeConverters.toString
    )
    vector: "Param[str]" = Param(
        Params._dummy(), "vector", "the column of vectors", TypeConverters.toString
    )
    hashBits: "Param[int]" = Param(  # noqa: N815  (parameters of Spark ML are named so)
        Params._dummy(), "hashBits", "vectors are 2**hashBits long", TypeConverters.toInt
    )

    def __init__(
        self, features: Sequence[Text] = (), *, vector: str = "", hash_bits: int = 0
    ) -> None:
        super().__init__()
        plain = json.dumps([to_plain(feature) for feature in features])
        self._set(features=plain, vector=vector, hashBits=hash_bits)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        features = tuple(map(from_plain, json.loads(self.getOrDefault(self.features))))
        hash_bits = self.getOrDefault(self.hashBits)
        columns, block = columns_of(features), TextBlock(features, hash_bits)

        def with_text(vectors: pa.Array, *texts: pa.Array) -> pa.Array:
            counted = block.encode(pa.RecordBatch.from_arrays(list(texts), columns))
            return vectors if counted is None else _added(vectors, counted, 1 << hash_bits)

        vector = self.getOrDefault(self.vector)
        # its stubs require a function type, which its code warns against
        add = arrow_udf(with_text, VectorUDT())  # type: ignore[call-overload]
        return dataset.withColumn(vector, add(vector, *map(quoted, columns)))


def _added(vectors: pa.StructArray, counted: Ragged, n_features: int) -> pa.StructArray:
    """Sparse vectors (type, size, indices, values) with counts added, indices in ascending order.

    Zeros stay: they are features of value 0.
    """
    kind, size, indices, values = vectors.flatten()
    rows = np.arange(len(vectors), dtype=np.int32)
    lengths = np.concatenate([indices.value_lengths().to_numpy(), np.diff(counted.offsets)])
    entries = coo_array(
        (
            np.concatenate([values.flatten().to_numpy(), counted.values]),
            (
                np.repeat(np.tile(rows, 2), lengths),
                np.concatenate([indices.flatten().to_numpy(), counted.indices]),
            ),
        ),
        shape=(len(vectors), n_features),
    ).tocsr()
    lists = [
        pa.ListArray.from_arrays(entries.indptr, content, type=vectors.type.field(name).type)
        for name, content in (("indices", entries.indices), ("values", entries.data))
    ]
    return pa.StructArray.from_arrays([kind, size, *lists], fields=list(vectors.type))
