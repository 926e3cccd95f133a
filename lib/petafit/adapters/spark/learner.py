"""Petafit's training as an estimator of `pyspark.ml`."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from pyspark.ml import Estimator, Model
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame

from petafit.config.layers import assignments
from petafit.config.merging import as_layer, stack
from petafit.config.settings import Settings
from petafit.config.validation import validate
from petafit.features.encoding.stored import reading
from petafit.functions.module import FunctionModule
from petafit.models.content import read_content
from petafit.models.loaded import LoadedModel
from petafit.models.manifest import ModelVersion
from petafit.models.model import load_model, model_from_named
from petafit.store.arrays import from_bytes
from petafit.store.filesystem import Folder
from petafit.workflow.train import train


class PetafitEstimator(Estimator[Any], DefaultParamsReadable[Any], DefaultParamsWritable):
    """Trains a task on a DataFrame; each fit is a run, and publishes a version of its model.

    Parameters
    ----------
    settings : Settings
        Of the task; the rows are those of the DataFrame, not of ``settings.table``.
    overrides : sequence of str
        Changes of the settings, as ``--set`` takes them: ``learner.params.learning_rate=0.1``.
    """

    settings: "Param[Any]" = Param(Params._dummy(), "settings", "those of the task")
    overrides: "Param[Any]" = Param(
        Params._dummy(), "overrides", "changes of the settings", TypeConverters.toListString
    )

    def __init__(self, settings: Settings | None = None, overrides: Sequence[str] = ()) -> None:
        super().__init__()
        self._setDefault(overrides=[])
        self._set(overrides=list(overrides))
        if settings is not None:
            self._set(settings=settings.model_dump(mode="json"))

    def _fit(self, dataset: DataFrame) -> "PetafitModel":
        given = as_layer(self.getOrDefault(self.settings), "settings")
        changes = assignments(self.getOrDefault(self.overrides))
        settings = validate(stack([given, changes]))
        run = train(settings, frame=dataset, spark=dataset.sparkSession)
        version = run.manifest["model"]["version"]
        uri = Folder(settings.paths.models).child(settings.model_name).uri
        model = load_model(f"{uri}@{version}", functions=settings.functions)
        return self._copyValues(PetafitModel(model, functions=settings.functions))


class PetafitModel(Model, DefaultParamsReadable[Any], DefaultParamsWritable):
    """A model of petafit's as a stage: adds the columns of its `transform`.

    Spark's writer stores a small model whole, and a larger one as the address and the digests of
    its files in the model store, which must still be there when it is loaded. Functions of the
    user's are never stored: their file must be there, too, unchanged.

    Parameters
    ----------
    model : Model or SparkModel
        As `petafit.load_model` gives it.
    functions : str, optional
        The file of the functions that it needs.
    """

    content: "Param[str]" = Param(
        Params._dummy(), "content", "of the model, or its address, as JSON", TypeConverters.toString
    )
    functions: "Param[str]" = Param(
        Params._dummy(), "functions", "the file of its functions", TypeConverters.toString
    )

    def __init__(self, model: LoadedModel | None = None, functions: str | None = None) -> None:
        super().__init__()
        self._model = model
        if model is not None:
            self._set(content=_stored(model))
        if functions is not None:
            self._set(functions=functions)

    @property  # Spark reads all other attributes to find parameters
    def model(self) -> LoadedModel:
        """The model itself.

        Raises
        ------
        ConfigurationError
            The functions that it needs are missing or others.
        StorageError
            It is damaged, or not in the model store any more.
        """
        if self._model is None:
            path = self.getOrDefault(self.functions) if self.isSet(self.functions) else None
            self._model = _restored(self.getOrDefault(self.content), path)
        return self._model

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return self.model.transform(dataset)


def _stored(model: LoadedModel) -> str:
    sent = model.portable
    content = None if sent.content is None else base64.b64encode(sent.content).decode("ascii")
    return json.dumps(
        {"content": content, "version": sent.version.as_dict() if sent.version else None}
    )


def _restored(stored: str, functions: str | None) -> LoadedModel:
    with reading("A stored model"):
        plain = json.loads(stored)
        version = None if plain["version"] is None else ModelVersion(**plain["version"])
        if plain["content"] is not None:
            named = from_bytes(base64.b64decode(plain["content"], validate=True))
        else:
            assert version is not None  # only published models have an address
            named = read_content(Folder(version.folder), version.files)
    model = model_from_named(named)
    model.version = version
    if model.requirement is not None:
        module = FunctionModule.read(functions) if functions else None
        model.derivation = model.requirement.met_by(module)
    return model
