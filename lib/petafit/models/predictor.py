"""A model that predicts from raw columns, without Spark or a JVM."""

import numpy as np
import pyarrow as pa

from petafit.errors import ConfigurationError, ContractError
from petafit.features.stages.record import StageRecord
from petafit.learners.arrays import NOT_FINITE, finite_rows
from petafit.models.callers_rows import Data, as_batch
from petafit.models.loaded import LoadedModel
from petafit.store.filesystem import Folder


class Predictor(LoadedModel):
    """A model of any learner whose predictions need no Spark.

    Attributes
    ----------
    stage_folder : Folder or None
        Has the fitted stages that Spark runs for `predict`.
    """

    stage_folder: Folder | None = None

    def decided(self, batch: pa.RecordBatch, predictions: np.ndarray) -> np.ndarray | None:
        return self.chosen(predictions)

    def chosen(self, predictions: np.ndarray) -> np.ndarray | None:
        """Return the positions of the classes the model itself chose; None if `decide` derives
        them.
        """
        return None

    def predict(self, data: Data) -> np.ndarray:
        """Predict the most probable class of every row, its value, or its cluster.

        Parameters
        ----------
        data : DataFrame, Table or RecordBatch
            Raw columns, as in the table the model was trained on, whatever the case of their names'
            letters; others are ignored.

        Returns
        -------
        ndarray of shape (n_rows,)

        Raises
        ------
        ContractError
            A column is missing, has another type, or holds an infinite number; or a prediction
            would not be finite.
        """
        predictions = self._predicted(data)
        return self.decide(predictions, self.chosen(predictions))

    def predict_proba(self, data: Data) -> np.ndarray:
        """Predict the probability of every class, or of every cluster of a mixture.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            In the order of `classes`, or of the clusters' numbers.

        Raises
        ------
        ConfigurationError
            The learner gives no probabilities.
        ContractError
            As `predict`.
        """
        if self.output != "probability":
            raise ConfigurationError(
                f"{self.choice.name} gives no probabilities", hint="Use `predict`."
            )
        predictions = self._predicted(data)
        if predictions.ndim == 2:
            return predictions
        return np.column_stack([1 - predictions, predictions])

    def _predicted(self, data: Data) -> np.ndarray:
        predictions = self.predict_batch(self._checked(data))
        finite = finite_rows(predictions)
        if not finite.all():
            raise ContractError(
                f"Row {np.flatnonzero(~finite)[0]} cannot be predicted: {NOT_FINITE}",
                hint="Its values are too large: correct the row, or leave it out.",
            )
        return predictions

    def _checked(self, data: Data) -> pa.RecordBatch:
        batch = as_batch(data, self.schema)
        if self.derivation is not None:
            batch = self.derivation.extend(batch)
        if self.stages is not None and self.stages.in_spark:
            batch = self._by_spark(batch, self.stages)
        batch = self.extended(batch, None)
        reasons = self.checks.reasons(batch)
        if reasons is not None:
            row, reason = next((i, r) for i, r in enumerate(reasons.to_pylist()) if r)
            raise ContractError(
                f"Row {row} cannot be predicted: {reason}",
                hint="Correct the row, or leave it out.",
            )
        return batch

    def _by_spark(self, batch: pa.RecordBatch, stages: StageRecord) -> pa.RecordBatch:
        """Return a batch with the columns of stages that an active session of Spark runs."""
        if self.stage_folder is None:
            raise ConfigurationError(
                f"The model's stages {stages.spark_names} are not at hand",
                hint="Load a published model by `petafit.load_model`.",
            )
        try:
            from petafit.features.spark.active import extended_by_spark
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"Spark runs stages of this model, and PySpark is not installed: "
                f"{stages.spark_names}",
                hint="Install `petafit[spark]`, or use `petafit score` where Spark is.",
            ) from error
        return extended_by_spark(batch, self.stage_folder, stages)
