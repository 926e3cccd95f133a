"""Declared features as an estimator of `pyspark.ml`, in front of any learner there."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.ml import Estimator, Model
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasLabelCol, HasOutputCol, HasWeightCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from petafit.adapters.spark.statistics import statistics_of
from petafit.adapters.spark.vectors import encoded
from petafit.config.merging import as_layer, stack
from petafit.config.settings import Settings
from petafit.config.validation import validate
from petafit.errors import ConfigurationError
from petafit.features.encoder import Encoder
from petafit.features.feature import Feature, columns_of, needs_table
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.functions.arrow_columns import with_arrow_columns
from petafit.models.spark.rows import columns_of as frame_columns
from petafit.store.arrays import StateDict
from petafit.stream.scan.sources import arrow_field, as_table
from petafit.table.filters.literals import quoted

_COLUMNAR = "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled"


class _Declared(HasLabelCol, HasOutputCol, HasWeightCol):
    """Parameters of the estimator and its model."""

    features: "Param[Any]" = Param(
        Params._dummy(), "features", 'groups of features as in a task file, or "auto"'
    )
    hashBits: "Param[int]" = Param(  # noqa: N815  (parameters of Spark ML are named so)
        Params._dummy(), "hashBits", "categories have 2**hashBits indices", TypeConverters.toInt
    )
    unicode: "Param[str]" = Param(
        Params._dummy(), "unicode", "form to normalize texts to", TypeConverters.toString
    )
    keyCols: "Param[list[str]]" = Param(  # noqa: N815
        Params._dummy(), "keyCols", "columns no pattern selects", TypeConverters.toListString
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(features="auto", hashBits=18, outputCol="features", keyCols=[])


class FeatureEncoder(_Declared, Estimator[Any], DefaultParamsReadable[Any], DefaultParamsWritable):
    """Learns the statistics of declared features; its model adds them as a vector.

    Parameters
    ----------
    features : "auto" or list of dict
        As ``features`` of a task: ``[{"numeric": "speed"}, {"categorical": ["city"]}]``.
    hashBits : int
        Categories and texts have 2**hashBits indices.
    unicode : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Form to which texts are normalized.
    labelCol, weightCol, keyCols : str, str, list of str
        Columns that neither "auto" nor a pattern selects. A row of weight n counts as n rows.
    outputCol : str
        The column of vectors.
    """

    def __init__(
        self,
        *,
        features: Any = "auto",
        hashBits: int = 18,
        unicode: str | None = None,
        labelCol: str = "label",
        weightCol: str | None = None,
        keyCols: list[str] | None = None,
        outputCol: str = "features",
    ) -> None:
        super().__init__()
        self._set(features=features, hashBits=hashBits, labelCol=labelCol, outputCol=outputCol)
        optional = {"unicode": unicode, "weightCol": weightCol, "keyCols": keyCols}
        self._set(**{name: value for name, value in optional.items() if value is not None})

    def _fit(self, dataset: DataFrame) -> "FeatureEncoderModel":
        settings = self._settings()
        snapshot, frame = as_table(dataset, "the DataFrame")
        weight, label = settings.weight, settings.label.column
        features = resolve(
            settings.features, snapshot.schema, label=label, weight=weight, keys=settings.keys
        )
        _refuse_lookups(features)
        statistics = statistics_of(frame, Profile(features, weight=weight))
        encoder = Encoder(
            features, statistics, hash_bits=settings.hash_bits, unicode=settings.unicode
        )
        read = frame.select(*map(quoted, columns_of(features))).schema
        return self._copyValues(FeatureEncoderModel(encoder, read))

    def _settings(self) -> Settings:
        """Return the parameters as a task has them; raises a ConfigurationError for wrong ones."""
        asked = {
            "task": "features",
            "label": self.getLabelCol(),
            "weight": self.getWeightCol() if self.isDefined(self.weightCol) else None,
            "keys": self.getOrDefault(self.keyCols),
            "features": self.getOrDefault(self.features),
            "hash_bits": self.getOrDefault(self.hashBits),
            "unicode": self.getOrDefault(self.unicode) if self.isSet(self.unicode) else None,
        }
        return validate(stack([as_layer(asked, "FeatureEncoder")]))


class FeatureEncoderModel(_Declared, Model, DefaultParamsReadable[Any], DefaultParamsWritable):
    """Adds the features of each row as a sparse vector, computed by the encoder's own kernels.

    Spark's reader creates it without arguments, and sets the parameters afterwards.
    """

    encoder: "Param[str]" = Param(
        Params._dummy(), "encoder", "features and statistics, as JSON", TypeConverters.toString
    )
    columns: "Param[str]" = Param(
        Params._dummy(), "columns", "the columns it reads, as JSON", TypeConverters.toString
    )

    def __init__(self, encoder: Encoder | None = None, columns: StructType | None = None) -> None:
        super().__init__()
        if encoder is not None and columns is not None:
            self._set(encoder=json.dumps(encoder.to_state_dict().params), columns=columns.json())

    @property
    def numFeatures(self) -> int:  # noqa: N802  (as Spark's own models have it)
        """Length of the vectors."""
        return self._encoder.n_features

    def _transform(self, dataset: DataFrame) -> DataFrame:
        _check_session(dataset.sparkSession)
        columns = StructType.fromJson(json.loads(self.getOrDefault(self.columns)))
        schema = pa.schema([arrow_field(field) for field in columns])
        inputs = [*frame_columns(dataset, schema).values()]
        made = encoded(self._encoder, schema, inputs)
        return with_arrow_columns(dataset, {self.getOutputCol(): made})

    @property
    def _encoder(self) -> Encoder:
        stored = StateDict(params=json.loads(self.getOrDefault(self.encoder)))
        return Encoder.from_state_dict(stored, dtype="float64", labelled=False)


def _refuse_lookups(features: Sequence[Feature]) -> None:
    for feature in features:
        if needs_table(feature):
            raise ConfigurationError(
                f"FeatureEncoder cannot make the feature {feature.name!r}, which needs a table "
                "of values",
                hint="Use plain `categorical`, or train by `petafit.train`.",
            )


def _check_session(session: SparkSession) -> None:
    """Refuse a session in which no Python function can return a vector (SPARK-56350).

    Raises
    ------
    ConfigurationError
        Names the setting.
    """
    try:
        columnar = session.conf.get(_COLUMNAR)
    except PySparkException:  # Spark before 4.2 has no such setting
        return
    if columnar == "true":
        raise ConfigurationError(
            "In this session no Python function can return a vector (SPARK-56350)",
            got=f"{_COLUMNAR}=true",
            hint="Set it to false.",
        )
