"""A stage of a package that is not Spark's."""

from typing import Any

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812


class Halved(Transformer, DefaultParamsReadable[Any], DefaultParamsWritable):
    """Half of a column of numbers."""

    source: "Param[str]" = Param(Params._dummy(), "source", "a column", TypeConverters.toString)
    outputCol: "Param[str]" = Param(  # noqa: N815
        Params._dummy(), "outputCol", "its half", TypeConverters.toString
    )

    def __init__(self, *, source: str = "", outputCol: str = "") -> None:
        super().__init__()
        self._set(source=source, outputCol=outputCol)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        half = F.col(self.getOrDefault(self.source)) / 2
        return dataset.withColumn(self.getOrDefault(self.outputCol), half)
