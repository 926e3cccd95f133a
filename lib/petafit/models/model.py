"""A trained model that predicts from raw columns, without Spark or a JVM."""

import os
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from petafit.config.section import Scalar
from petafit.config.settings import Contract, LearnerChoice
from petafit.errors import ConfigurationError, ContractError, StorageError
from petafit.features.classes import class_array
from petafit.features.columns import check_columns
from petafit.features.encoder import Encoder
from petafit.features.encoding.stored import reading
from petafit.features.feature import Numeric
from petafit.learners.arrays import NOT_FINITE, finite_rows
from petafit.learners.base import DECISION, PREDICTION
from petafit.learners.registry import describe, make_learner
from petafit.models.callers_rows import Data, as_batch
from petafit.models.store import open_model
from petafit.store.arrays import StateDict
from petafit.table.contract import Checks, compile_checks


class Signature:
    """Inputs and outputs of a model of any kind.

    Parameters
    ----------
    encoder : Encoder
        Turns raw columns into features and targets.
    choice : LearnerChoice
        The learner's name and parameters.
    schema : pyarrow.Schema
        The raw columns the features read, with their types.

    Attributes
    ----------
    classes : tuple or None
        The classes, in the order of `predict_proba`'s columns; None for a regressor.
    output : {"probability", "margin", "value"}
        The meaning of `predict_batch`'s numbers.
    objective : Objective
        The loss that the learner minimised.
    """

    def __init__(self, encoder: Encoder, choice: LearnerChoice, schema: pa.Schema) -> None:
        self.encoder = encoder
        self.choice = choice
        self.schema = schema
        self.classes: tuple[Scalar, ...] | None = encoder.statistics.classes
        learner = describe(choice)
        self.output, self.objective = learner.output, learner.objective

    @cached_property
    def checks(self) -> Checks:
        """Checks that a row must pass before it is predicted."""
        numeric = [f.column for f in self.encoder.features if isinstance(f, Numeric)]
        return compile_checks(Contract(), self.schema, finite=numeric)

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        """Predict rows that pass `checks`.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            With two classes the probability of the second; with more those of all; the value
            itself from a regressor, and the margin from a learner without probabilities.
        """
        raise ConfigurationError(
            f"{self.choice.name} predicts in Spark only", hint="Use `petafit score`."
        )

    def decided(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """Return the positions of the classes the model itself chose; None if `decide` derives
        them.
        """
        return None

    def decide(self, predictions: np.ndarray, decided: np.ndarray | None = None) -> np.ndarray:
        """Return a class for each row, or the value unchanged for a regressor.

        Parameters
        ----------
        predictions, decided : ndarray
            As `predict_batch` and `decided` give them.
        """
        if self.classes is None:
            return predictions
        if decided is None:
            limit = 0.5 if self.output == "probability" else 0.0
            several = predictions.ndim == 2
            decided = predictions.argmax(axis=1) if several else predictions > limit
        return class_array(self.classes)[decided.astype(np.intp)]

    def to_state_dict(self) -> StateDict:
        """Return the content to publish."""
        own = StateDict(
            {"schema": np.frombuffer(self.schema.serialize(), dtype=np.uint8)},
            {"learner": self.choice.model_dump(mode="json")},
        )
        return own | self.encoder.to_state_dict().prefixed("encoder")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        """Rebuild the model from `to_state_dict`'s content."""
        return cls(*_signature(named))


class SparkModel(Signature):
    """An MLlib model outside the JVM, whose predictions arrive as a column computed by Spark."""

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return the predictions that Spark added to the raw columns."""
        return _floats(batch.column(PREDICTION))

    def decided(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """Return the classes chosen by Spark's model, with its thresholds."""
        return None if self.classes is None else _floats(batch.column(DECISION)).astype(np.intp)


class Model(Signature):
    """A trained model of an incremental learner.

    Parameters
    ----------
    weights : StateDict
        The learner's arrays and parameters.
    """

    def __init__(
        self, encoder: Encoder, choice: LearnerChoice, schema: pa.Schema, weights: StateDict
    ) -> None:
        super().__init__(encoder, choice, schema)
        self.weights = weights
        self.learner = make_learner(
            choice, n_features=encoder.n_features, statistics=encoder.statistics
        )

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        X = self.encoder(batch, labels=False).X
        return self.learner.predict(self.weights, X)

    def predict(self, data: Data) -> np.ndarray:
        """Predict the most probable class of every row, or its value.

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
        return self.decide(self._predicted(data))

    def predict_proba(self, data: Data) -> np.ndarray:
        """Predict the probability of every class.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            In the order of `classes`.

        Raises
        ------
        ConfigurationError
            The learner gives no probabilities.
        ContractError
            As `predict`.
        """
        if self.classes is None or self.output != "probability":
            raise ConfigurationError(
                f"{self.choice.name} gives no probabilities", hint="Use `predict`."
            )
        predictions = self._predicted(data)
        if predictions.ndim == 2:
            return predictions
        return np.column_stack([1 - predictions, predictions])

    def to_state_dict(self) -> StateDict:
        return super().to_state_dict() | self.weights.prefixed("weights")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        model = cls(*_signature(named), named.part("weights"))
        model.learner.check(model.weights)
        return model

    @classmethod
    def untrained(cls, named: StateDict) -> Self:
        """Build a model without weights from `Signature.to_state_dict`'s content."""
        return cls(*_signature(named), StateDict())

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
        reasons = self.checks.reasons(batch)
        if reasons is not None:
            row, reason = next((i, r) for i, r in enumerate(reasons.to_pylist()) if r)
            raise ContractError(
                f"Row {row} cannot be predicted: {reason}",
                hint="Correct the row, or leave it out.",
            )
        return batch


def load_model(path: str | os.PathLike[str]) -> Model:
    """Load a published model; needs neither Spark nor a JVM.

    Parameters
    ----------
    path : str or path
        A model's folder, as in ``models/flights``; ``models/flights@3`` is its version 3, and
        ``models/flights@champion`` the one with that alias.

    Raises
    ------
    ConfigurationError
        There is no such model, version or alias, or it is an MLlib model, which needs Spark.
    StorageError
        The model is damaged.
    """
    version, content = open_model(path)
    model = model_from_named(content)
    if isinstance(model, SparkModel):
        raise ConfigurationError(
            f"{model.choice.name} predicts in Spark only",
            hint=f"Use `petafit score`, or pyspark's PipelineModel.load({version.attachment!r}).",
        )
    return model


def model_from_named(named: StateDict) -> Model | SparkModel:
    """Rebuild a model of either kind from its published content."""
    if any(name.startswith("weights/") for name in (*named.arrays, *named.params)):
        return Model.from_state_dict(named)
    return SparkModel.from_state_dict(named)


def _signature(named: StateDict) -> tuple[Encoder, LearnerChoice, pa.Schema]:
    with reading("A stored model"):
        choice = LearnerChoice.model_validate(named.params["learner"])
        written = named.arrays["schema"]
        if written.dtype != np.uint8 or written.ndim != 1:
            raise ValueError(f"a schema as {written.dtype} {written.shape}")
        schema = _schema_of(written.tobytes())
    info = describe(choice)
    encoder = Encoder.from_state_dict(named.part("encoder"), layout=info.layout, dtype=info.dtype)
    if len(set(schema.names)) < len(schema.names):
        raise StorageError("The schema of a stored model names a column twice", got=schema.names)
    check_columns(encoder.features, schema, error=StorageError)
    return encoder, choice, schema


def _schema_of(written: bytes) -> pa.Schema:
    try:
        return pa.ipc.read_schema(pa.py_buffer(written))
    except (pa.ArrowException, OSError) as error:
        raise StorageError("The schema of a stored model is damaged", got=str(error)) from error


def _floats(column: pa.Array) -> np.ndarray[Any, Any]:
    """Convert a column to float64: (n_rows,), or (n_rows, n) from lists of n numbers."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _floats(column.flatten()).reshape(len(column), -1)
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
