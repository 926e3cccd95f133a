"""Text normalization in Spark ML: a transformer, since Spark has no function for Unicode forms."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql.types import StringType

from petafit.config.feature_groups import UnicodeForm
from petafit.features.unicode_form import normalized
from petafit.functions.arrow_columns import ArrowColumn, with_arrow_columns
from petafit.table.filters.literals import quoted


class NormalizeTexts(Transformer, DefaultParamsReadable[Any], DefaultParamsWritable):
    """Normalizes columns of strings to a Unicode form; stored and loaded like Spark's own stages.

    Spark's reader creates it without arguments, and sets the parameters afterwards.

    Parameters
    ----------
    columns : sequence of str
    form : {"NFC", "NFD", "NFKC", "NFKD"}
    """

    columns: "Param[list[str]]" = Param(
        Params._dummy(), "columns", "of strings", TypeConverters.toListString
    )
    form: "Param[str]" = Param(
        Params._dummy(), "form", "of Unicode's normalization", TypeConverters.toString
    )

    def __init__(self, columns: Sequence[str] = (), form: UnicodeForm = "NFC") -> None:
        super().__init__()
        self._set(columns=list(columns), form=form)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        form: Any = self.getOrDefault(self.form)

        def of(name: str) -> ArrowColumn:
            def in_form(texts: pa.Array) -> pa.Array:
                return normalized(texts, form, name)

            return ArrowColumn(in_form, [quoted(name)], StringType())

        columns = self.getOrDefault(self.columns)
        return with_arrow_columns(dataset, {name: of(name) for name in columns})
