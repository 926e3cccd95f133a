"""Text features in Spark ML: a transformer that adds n-gram counts to the hashed vector.

Spark has no stage that adds sparse vectors, and its lower-casing and tokens differ from Arrow's. So
the encoder's kernels are applied to the texts, as Arrow batches.
"""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.sql import DataFrame

from petafit.config.feature_groups import UnicodeForm
from petafit.features.feature import Text, columns_of
from petafit.features.plain import from_plain, to_plain
from petafit.features.spark.number_stage import with_entries
from petafit.features.spark.sparse_stage import SparseVectorStage
from petafit.features.text.ngrams import TextBlock
from petafit.functions.arrow_columns import ArrowColumn, with_arrow_columns
from petafit.table.filters.literals import quoted


class AddText(SparseVectorStage):
    """Adds text features to a column of sparse vectors; stored and loaded like Spark's own stages.

    Spark's reader creates it without arguments, and sets the parameters afterwards. Spark 4.2 needs
    ``spark.sql.execution.arrow.pythonUDF.columnarInput.enabled=false``, as petafit's sessions have.

    Parameters
    ----------
    features : sequence of Text
    vector : str
        The column of vectors, ``2**hash_bits`` long.
    hash_bits : int
    row : str
        The column of structs that holds the texts; empty if they are columns themselves, as in
        stages stored before this parameter existed.
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which texts are normalized.
    """

    features: "Param[str]" = Param(
        Params._dummy(), "features", "the text features, as JSON", TypeConverters.toString
    )
    hashBits: "Param[int]" = Param(  # noqa: N815  (parameters of Spark ML are named so)
        Params._dummy(), "hashBits", "vectors are 2**hashBits long", TypeConverters.toInt
    )

    row: "Param[str]" = Param(
        Params._dummy(), "row", "the struct that holds the texts", TypeConverters.toString
    )

    form: "Param[str]" = Param(
        Params._dummy(), "form", "of Unicode's normalization", TypeConverters.toString
    )

    def __init__(
        self,
        features: Sequence[Text] = (),
        *,
        vector: str = "",
        hash_bits: int = 0,
        row: str = "",
        form: UnicodeForm | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(row="")
        plain = json.dumps([to_plain(feature) for feature in features])
        self._set(features=plain, vector=vector, hashBits=hash_bits, row=row)
        if form:  # no default, which all stages would store
            self._set(form=form)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        features = tuple(map(from_plain, json.loads(self.getOrDefault(self.features))))
        hash_bits = self.getOrDefault(self.hashBits)
        form: Any = self.getOrDefault(self.form) if self.isSet(self.form) else None
        columns, block = columns_of(features), TextBlock(features, hash_bits, form)

        def with_text(vectors: pa.Array, *texts: pa.Array) -> pa.Array:
            counted = block.encode(pa.RecordBatch.from_arrays(list(texts), columns))
            return vectors if counted is None else with_entries(vectors, counted, 1 << hash_bits)

        vector, row = self.getOrDefault(self.vector), self.getOrDefault(self.row)
        within = f"{quoted(row)}." if row else ""
        inputs = [vector, *(within + quoted(name) for name in columns)]
        return with_arrow_columns(dataset, {vector: ArrowColumn(with_text, inputs, VectorUDT())})
