"""The base of petafit's own stages, which add entries to a column of sparse vectors."""

from typing import Any

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable


class SparseVectorStage(Transformer, DefaultParamsReadable[Any], DefaultParamsWritable):
    """A stage on a column of sparse vectors; stored and loaded like Spark's own.

    Spark's reader creates a stage without arguments, and sets the parameters afterwards.
    """

    vector: "Param[str]" = Param(
        Params._dummy(), "vector", "the column of vectors", TypeConverters.toString
    )
