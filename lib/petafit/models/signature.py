"""Inputs and outputs of a model of any kind, and how they are stored."""

from functools import cached_property
from typing import Self

import numpy as np
import pyarrow as pa

from petafit.config.section import Scalar
from petafit.config.settings import Contract, LearnerChoice
from petafit.errors import ConfigurationError, StorageError
from petafit.features.classes import class_array
from petafit.features.columns import check_columns
from petafit.features.encoder import Encoder
from petafit.features.encoding.stored import reading
from petafit.features.feature import Numeric
from petafit.features.stages.record import StageRecord
from petafit.functions.derivation import Derivation, Requirement
from petafit.learners.arrays import NOT_FINITE
from petafit.learners.registry import describe
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
    requirement : Requirement, optional
        The functions that give the features further columns.
    stages : StageRecord, optional
        The stages of Spark ML that do.

    Attributes
    ----------
    classes : tuple or None
        The classes, in the order of `predict_proba`'s columns; None for any but a classifier.
    kind : {"classifier", "regressor", "clusterer", "recommender"}
    output : {"probability", "margin", "value", "cluster"}
        The meaning of `predict_batch`'s numbers.
    objective : Objective
        The loss that the learner minimised.
    no_prediction : str
        The reason why a row that passes `checks` has no prediction.
    """

    no_prediction = NOT_FINITE

    def __init__(
        self,
        encoder: Encoder,
        choice: LearnerChoice,
        schema: pa.Schema,
        requirement: Requirement | None = None,
        stages: StageRecord | None = None,
    ) -> None:
        self.encoder = encoder
        self.choice = choice
        self.schema = schema
        self.requirement = requirement
        self.stages = stages
        self.classes: tuple[Scalar, ...] | None = encoder.statistics.classes
        learner = describe(choice)
        self.kind, self.output, self.objective = learner.kind, learner.output, learner.objective

    @cached_property
    def checks(self) -> Checks:
        """Checks that a row must pass before it is predicted."""
        numeric = [f.column for f in self.encoder.features if isinstance(f, Numeric)]
        schema = _extended(self.schema, self.requirement, self.stages)
        return compile_checks(Contract(), schema, finite=numeric)

    def extended(self, batch: pa.RecordBatch, functions: Derivation | None) -> pa.RecordBatch:
        """Return a batch of raw columns with those that the features take from elsewhere.

        Columns of stages that Spark runs have to be among the batch's.

        Parameters
        ----------
        functions : Derivation or None
            The functions of `requirement`.

        Raises
        ------
        ContractError
            A function or a stage fails on a row.
        """
        if functions is not None:
            batch = functions.extend(batch)
        stages = self.stages.by_batch if self.stages else None
        return batch if stages is None else stages.extend(batch)

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        """Predict rows that pass `checks`.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            With two classes the probability of the second; with more those of all; the value
            itself from a regressor, and the margin from a learner without probabilities. From a
            clusterer the probabilities of its clusters, or the cluster and the distance from its
            center.
        """
        raise ConfigurationError(
            f"{self.choice.name} predicts in Spark only", hint="Use `petafit score`."
        )

    def decided(self, batch: pa.RecordBatch, predictions: np.ndarray) -> np.ndarray | None:
        """Return the positions of the classes the model itself chose; None if `decide` derives
        them.

        Parameters
        ----------
        predictions : ndarray
            Those of the batch, as `predict_batch` gives them.
        """
        return None

    def decide(self, predictions: np.ndarray, decided: np.ndarray | None = None) -> np.ndarray:
        """Return a class or a cluster for each row, or the value unchanged for a regressor.

        Parameters
        ----------
        predictions, decided : ndarray
            As `predict_batch` and `decided` give them.
        """
        if self.kind == "clusterer":
            probable = self.output == "probability"
            found = predictions.argmax(axis=1) if probable else predictions[:, 0]
            return found.astype(np.int32)
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
            {
                "learner": self.choice.model_dump(mode="json"),
                **({"functions": self.requirement.to_plain()} if self.requirement else {}),
                **({"stages": self.stages.to_plain()} if self.stages else {}),
            },
        )
        return own | self.encoder.to_state_dict().prefixed("encoder")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        """Rebuild the model from `to_state_dict`'s content."""
        return cls(*_arguments(named))


def _arguments(
    named: StateDict,
) -> tuple[Encoder, LearnerChoice, pa.Schema, Requirement | None, StageRecord | None]:
    """Return the arguments of `Signature` from `Signature.to_state_dict`'s content.

    Raises
    ------
    StorageError
        It is damaged, or its parts contradict each other.
    """
    with reading("A stored model"):
        choice = LearnerChoice.model_validate(named.params["learner"])
        written = named.arrays["schema"]
        if written.dtype != np.uint8 or written.ndim != 1:
            raise ValueError(f"a schema as {written.dtype} {written.shape}")
        schema = _schema_of(written.tobytes())
        needed = named.params.get("functions")
        requirement = None if needed is None else Requirement.from_plain(needed)
        staged = named.params.get("stages")
        stages = None if staged is None else StageRecord.from_plain(staged)
    info = describe(choice)
    encoder = Encoder.from_state_dict(
        named.part("encoder"),
        layout=info.layout,
        dtype=info.dtype,
        labelled=info.needs_label or named.params.get("encoder/label") is not None,
    )
    if len(set(schema.names)) < len(schema.names):
        raise StorageError("The schema of a stored model names a column twice", got=schema.names)
    extended = _extended(schema, requirement, stages)
    check_columns(encoder.features, extended, error=StorageError)
    return encoder, choice, schema, requirement, stages


def _extended(
    schema: pa.Schema, requirement: Requirement | None, stages: StageRecord | None
) -> pa.Schema:
    """Return the raw columns, and those of functions and stages."""
    parts = (schema, *(each.schema for each in (requirement, stages) if each is not None))
    return pa.schema([field for part in parts for field in part])


def _schema_of(written: bytes) -> pa.Schema:
    try:
        return pa.ipc.read_schema(pa.py_buffer(written))
    except (pa.ArrowException, OSError) as error:
        raise StorageError("The schema of a stored model is damaged", got=str(error)) from error
