"""A trained model that predicts from raw columns, without Spark or a JVM."""

import os
from typing import Any, Self

import numpy as np
import pyarrow as pa

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError, ContractError
from petafit.features.encoder import Encoder
from petafit.functions.derivation import Derivation, Requirement
from petafit.functions.module import FunctionModule
from petafit.learners.arrays import NOT_FINITE, finite_rows
from petafit.learners.base import DECISION, PREDICTION
from petafit.learners.registry import make_learner
from petafit.models.callers_rows import Data, as_batch
from petafit.models.signature import Signature
from petafit.models.store import open_model
from petafit.store.arrays import StateDict


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

    Attributes
    ----------
    derivation : Derivation or None
        Computes the columns of `requirement` for `predict`.
    """

    def __init__(
        self,
        encoder: Encoder,
        choice: LearnerChoice,
        schema: pa.Schema,
        weights: StateDict,
        requirement: Requirement | None = None,
    ) -> None:
        super().__init__(encoder, choice, schema, requirement)
        self.weights = weights
        self.derivation: Derivation | None = None
        self.learner = make_learner(
            choice, n_features=encoder.n_features, statistics=encoder.statistics
        )

    @classmethod
    def of(cls, signature: Signature, weights: StateDict) -> Self:
        """Return the model of some inputs and outputs that has these weights."""
        own = (signature.encoder, signature.choice, signature.schema)
        return cls(*own, weights, signature.requirement)

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
        model = cls.of(Signature.from_state_dict(named), named.part("weights"))
        model.learner.check(model.weights)
        return model

    @classmethod
    def untrained(cls, named: StateDict) -> Self:
        """Build a model without weights from `Signature.to_state_dict`'s content."""
        return cls.of(Signature.from_state_dict(named), StateDict())

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
        reasons = self.checks.reasons(batch)
        if reasons is not None:
            row, reason = next((i, r) for i, r in enumerate(reasons.to_pylist()) if r)
            raise ContractError(
                f"Row {row} cannot be predicted: {reason}",
                hint="Correct the row, or leave it out.",
            )
        return batch


def load_model(
    path: str | os.PathLike[str], *, functions: str | os.PathLike[str] | None = None
) -> Model:
    """Load a published model; needs neither Spark nor a JVM.

    Parameters
    ----------
    path : str or path
        A model's folder, as in ``models/flights``; ``models/flights@3`` is its version 3, and
        ``models/flights@champion`` the one with that alias.
    functions : str or path, optional
        The file of the functions that the model was trained with, if it was with any.

    Raises
    ------
    ConfigurationError
        There is no such model, version or alias, it is an MLlib model, which needs Spark, or its
        functions are missing or others.
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
    if model.requirement is not None:
        module = FunctionModule.read(os.fspath(functions)) if functions is not None else None
        model.derivation = model.requirement.met_by(module)
    return model


def model_from_named(named: StateDict) -> Model | SparkModel:
    """Rebuild a model of either kind from its published content."""
    if any(name.startswith("weights/") for name in (*named.arrays, *named.params)):
        return Model.from_state_dict(named)
    return SparkModel.from_state_dict(named)


def _floats(column: pa.Array) -> np.ndarray[Any, Any]:
    """Convert a column to float64: (n_rows,), or (n_rows, n) from lists of n numbers."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _floats(column.flatten()).reshape(len(column), -1)
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
