"""A trained model that predicts from raw columns, without Spark or a JVM."""

import os
from typing import Self

import numpy as np
import pyarrow as pa

from petafit.config.settings import LearnerChoice
from petafit.features.encoder import Encoder
from petafit.features.stages.record import StageRecord
from petafit.functions.derivation import Requirement
from petafit.functions.module import FunctionModule
from petafit.learners.registry import make_learner
from petafit.models.mllib import MllibModel, SparkModel, read_mllib
from petafit.models.predictor import Predictor
from petafit.models.recommender import RecommenderModel
from petafit.models.signature import Signature
from petafit.models.store import ModelVersion, open_model
from petafit.models.xgboost import TreeModel
from petafit.store.arrays import StateDict


class Model(Predictor):
    """A trained model of an incremental learner.

    Parameters
    ----------
    weights : StateDict
        The learner's arrays and parameters.
    """

    def __init__(
        self,
        encoder: Encoder,
        choice: LearnerChoice,
        schema: pa.Schema,
        weights: StateDict,
        requirement: Requirement | None = None,
        stages: StageRecord | None = None,
    ) -> None:
        super().__init__(encoder, choice, schema, requirement, stages)
        self.weights = weights
        self.learner = make_learner(
            choice, n_features=encoder.n_features, statistics=encoder.statistics
        )

    @classmethod
    def of(cls, signature: Signature, weights: StateDict) -> Self:
        """Return the model of some inputs and outputs that has these weights."""
        own = (signature.encoder, signature.choice, signature.schema)
        return cls(*own, weights, signature.requirement, signature.stages)

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        X = self.encoder(batch, labels=False).X
        return self.learner.predict(self.weights, X)

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


def load_model(
    path: str | os.PathLike[str], *, functions: str | os.PathLike[str] | None = None
) -> Predictor | SparkModel:
    """Load a published model; needs neither Spark nor a JVM, but for stages that Spark runs.

    Parameters
    ----------
    path : str or path
        A model's folder, as in ``models/flights``; ``models/flights@3`` is its version 3, and
        ``models/flights@champion`` the one with that alias.
    functions : str or path, optional
        The file of the functions that the model was trained with, if it was with any.

    Returns
    -------
    Predictor or SparkModel
        The latter is an MLlib model that only Spark can apply: by `transform`.

    Raises
    ------
    ConfigurationError
        There is no such model, version or alias, or its functions are missing or others.
    StorageError
        The model is damaged.
    """
    version, content = open_model(path)
    model = open_content(version, content)
    model.version = version
    if isinstance(model, Predictor) and model.stages is not None and model.stages.in_spark:
        model.stage_folder = version.require_stages()
    if model.requirement is not None:
        module = FunctionModule.read(os.fspath(functions)) if functions is not None else None
        model.derivation = model.requirement.met_by(module)
    return model


def open_content(version: ModelVersion, content: StateDict) -> Predictor | SparkModel:
    """Rebuild a published model from its content, and from what Spark wrote beside it.

    Raises
    ------
    StorageError
        It is damaged.
    """
    if version.attachment is not None:
        return read_mllib(Signature.from_state_dict(content), version.attachment)
    parts = _parts(content)
    if "factors" in parts:
        return RecommenderModel.from_state_dict(content)
    return (TreeModel if "xgboost" in parts else Model).from_state_dict(content)


def model_from_named(named: StateDict) -> Predictor | SparkModel:
    """Rebuild a model of any kind from its `to_state_dict`."""
    kinds = _parts(named)
    if "weights" in kinds:
        return Model.from_state_dict(named)
    if "factors" in kinds:
        return RecommenderModel.from_state_dict(named)
    if "xgboost" in kinds:
        return TreeModel.from_state_dict(named)
    kind = MllibModel if "mllib" in kinds else SparkModel
    return kind.from_state_dict(named)


def _parts(named: StateDict) -> set[str]:
    """Return what precedes the first slash of each name."""
    return {name.partition("/")[0] for name in (*named.arrays, *named.params)}
