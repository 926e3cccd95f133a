"""MLlib's models outside the JVM: computed here where that is possible, else by Spark."""

from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
import pyarrow as pa

from petafit.errors import ConfigurationError, StorageError
from petafit.features.encoding.stored import reading
from petafit.learners.base import DECISION, PREDICTION
from petafit.learners.mllib.classes import in_order, positions
from petafit.learners.mllib.clusters import ClusterModel
from petafit.learners.mllib.computed import ComputedModel
from petafit.learners.mllib.files import check_files
from petafit.learners.mllib.linear import LinearModel
from petafit.learners.mllib.reading import from_named, read_computed, to_named
from petafit.learners.mllib.stored import read_estimator
from petafit.models.callers_rows import Data
from petafit.models.loaded import LoadedModel
from petafit.models.predictor import Predictor
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class SparkModel(LoadedModel):
    """An MLlib model whose predictions arrive as a column computed by Spark."""

    @classmethod
    def of_signature(cls, signature: Signature) -> Self:
        """Return the model of some inputs and outputs."""
        own = (signature.encoder, signature.choice, signature.schema)
        return cls(*own, signature.requirement, signature.stages)

    def predict(self, data: Data) -> NoReturn:
        """Refuse to predict: only Spark can."""
        raise ConfigurationError(
            f"{self.choice.name} predicts in Spark only",
            hint="Use `transform` on a DataFrame, or `petafit score`.",
        )

    predict_proba = predict

    def transform(self, frame: "DataFrame") -> "DataFrame":
        """Add the predictions to a DataFrame, as `LoadedModel.transform`; Spark computes them."""
        from petafit.models.spark.mllib import transformed_by_mllib

        return transformed_by_mllib(frame, self.portable)

    def register(self, session: "SparkSession", name: str) -> NoReturn:
        """Refuse to be a function: this model transforms whole DataFrames only."""
        raise ConfigurationError(
            f"{self.choice.name} cannot be a function of Spark SQL",
            hint="Use `transform`, and `createOrReplaceTempView` of its result.",
        )

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return the predictions that Spark added to the raw columns."""
        return _floats(batch.column(PREDICTION))

    def decided(self, batch: pa.RecordBatch, predictions: np.ndarray) -> np.ndarray | None:
        """Return the classes chosen by Spark's model, with its thresholds."""
        return None if self.classes is None else _floats(batch.column(DECISION)).astype(np.intp)


class MllibModel(Predictor):
    """An MLlib model computed from its stored numbers, without Spark.

    Attributes
    ----------
    fitted : ComputedModel
    """

    fitted: ComputedModel

    @classmethod
    def of(cls, signature: Signature, fitted: ComputedModel) -> Self:
        """Return the model of some inputs and outputs that was fitted by Spark.

        Raises
        ------
        StorageError
            It was fitted to other features.
        """
        encoder = signature.encoder
        if fitted.n_features != encoder.n_features:
            raise StorageError(
                "A stored model of Spark's does not fit its features",
                expected=f"{encoder.n_features} features",
                got=fitted.n_features,
                hint="Copy the model again, or train it again.",
            )
        own = (signature.choice, signature.schema, signature.requirement, signature.stages)
        model = cls(encoder, *own)
        model.fitted = fitted
        return model

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        numbers = self.fitted.predict(self.encoder(batch, labels=False).X)
        if isinstance(self.fitted, ClusterModel):
            return numbers
        probable = self.output == "probability"
        return in_order(numbers, self.encoder.statistics, probable=probable)

    def chosen(self, predictions: np.ndarray) -> np.ndarray | None:
        if not isinstance(self.fitted, LinearModel) or self.fitted.thresholds is None:
            return None
        places = np.array(positions(self.encoder.statistics, self.fitted.n_classes))
        if predictions.ndim == 1 and self.fitted.n_margins > 1:
            predictions = np.column_stack([1 - predictions, predictions])
        elif predictions.ndim == 2 and self.fitted.n_margins == 1:
            predictions = predictions[:, places[1]]
        elif predictions.ndim == 2:
            predictions = predictions[:, places]
        return np.asarray(places[self.fitted.decide(predictions)])

    def to_state_dict(self) -> StateDict:
        return super().to_state_dict() | to_named(self.fitted).prefixed("mllib")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        with reading("A model of Spark's"):
            fitted = from_named(named.part("mllib"))
        return cls.of(Signature.from_state_dict(named), fitted)


def read_mllib(signature: Signature, attachment: str) -> MllibModel | SparkModel:
    """Read the model that Spark wrote into a folder.

    Returns
    -------
    MllibModel or SparkModel
        The latter if only Spark can predict with it.

    Raises
    ------
    StorageError
        It is not petafit's, damaged, or does not fit its features.
    """
    folder = Folder(attachment)
    check_files(folder, n_features=signature.encoder.n_features)
    fitted = read_computed(read_estimator(folder))
    if fitted is None:
        return SparkModel.of_signature(signature)
    return MllibModel.of(signature, fitted)


def _floats(column: pa.Array) -> np.ndarray[Any, Any]:
    """Convert a column to float64: (n_rows,), or (n_rows, n) from lists of n numbers."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _floats(column.flatten()).reshape(len(column), -1)
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
