"""Spark MLlib's classifiers and regressors: they fit a DataFrame as a whole, features included."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.errors import IllegalArgumentException, SparkRuntimeException
from pyspark.ml import Estimator as SparkEstimator
from pyspark.ml import Pipeline, PipelineModel, Transformer, classification, regression
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError, did_you_mean
from petafit.features.stages import FEATURES
from petafit.learners.learner import PREDICTION, Kind, Output
from petafit.learners.parameters import check_names, parameter_names
from petafit.stream.scan import naming_files
from petafit.table.literals import quoted

LABEL = "label_index"
"""The double column to learn: a class's position, or the number."""

_REFUSED = "USER_RAISED_EXCEPTION"
"""The condition of Spark's own checks of rows, such as of their labels."""

_OURS = frozenset(
    ("featuresCol", "labelCol", "predictionCol", "probabilityCol", "rawPredictionCol", "weightCol")
)


@dataclass(frozen=True)
class Estimator:
    """One of MLlib's estimators, and what petafit must know of it.

    Attributes
    ----------
    kind : {"classifier", "regressor"}
    output : {"probability", "margin", "value"}
    spark : pyspark.ml.Estimator
    weighted : bool
        It takes a column of weights.
    """

    name: str
    kind: Kind
    output: Output
    spark: Any
    weighted: bool

    def fit(
        self, frame: DataFrame, *, stages: Sequence[Transformer] = (), weight: str | None = None
    ) -> PipelineModel:
        """Fit to all rows of a frame.

        Parameters
        ----------
        frame : DataFrame
            The label as `LABEL`, and what the stages read.
        stages : sequence of Transformer
            Make the column `FEATURES`; they become part of the model.
        weight : str, optional
            A column of weights.

        Raises
        ------
        ConfigurationError
            Weights where the estimator takes none, a parameter out of its range, or labels that it
            refuses.
        ContractError, StorageError
            As `petafit.stream.scan.naming_files`.
        """
        estimator = self.spark.copy()
        if weight is not None:
            if not self.weighted:
                raise ConfigurationError(f"{self.name} takes no weights", hint="Remove `weight`.")
            estimator.setWeightCol(weight)
        try:
            with naming_files():
                return Pipeline(stages=[*stages, estimator]).fit(frame)
        except (IllegalArgumentException, SparkRuntimeException) as error:
            if isinstance(error, SparkRuntimeException) and error.getCondition() != _REFUSED:
                raise
            raise ConfigurationError(
                f"{self.name} cannot be fitted",
                got=str(error).rstrip("."),
                hint="Check the label's classes and `learner.params`.",
            ) from error


def estimator_names() -> list[str]:
    """All of MLlib's classifiers and regressors, by class name."""
    return sorted(_classes())


def describe(name: str, params: Mapping[str, Any]) -> tuple[Kind, Output]:
    """Whether it classifies, and what it predicts; needs no session.

    Raises
    ------
    ConfigurationError
        An unknown estimator or parameter.
    """
    kind, found = _find(name)
    check_names(f"mllib.{name}", params, _parameters(found))
    if kind == "regressor":
        return kind, "value"
    return kind, "probability" if "probabilityCol" in dir(found) else "margin"


def make_estimator(choice: LearnerChoice, *, kind: Kind, seed: int) -> Estimator:
    """Build an estimator; needs a running session.

    Parameters
    ----------
    kind : {"classifier", "regressor"}
        What the label asks for.
    seed : int
        Where the estimator is random and no seed is given.

    Raises
    ------
    ConfigurationError
        An unknown estimator, an unknown or invalid parameter, or one of the other kind.
    """
    name = choice.name.removeprefix("mllib.")
    actual, output = describe(name, choice.params)
    if actual != kind:
        raise ConfigurationError(
            f"{choice.name} is a {actual}", expected=f"a {kind}", hint="See `label.kind`."
        )
    spark = _build(name, choice.params, seed)
    weighted = "weightCol" in parameter_names(_find(name)[1])
    return Estimator(choice.name, kind, output, spark, weighted)


def predictions(model: PipelineModel, frame: DataFrame) -> DataFrame:
    """The frame with a column `PREDICTION`.

    Returns
    -------
    DataFrame
        The frame's columns and `PREDICTION`: with two classes the probability of the second (a
        margin where there are no probabilities), with more an array of all; else the value.
    """
    columns = [F.col(quoted(name)) for name in frame.columns]
    return model.transform(frame).select(*columns, _prediction(model.stages[-1]).alias(PREDICTION))


def save(model: PipelineModel, uri: str) -> None:
    """Write the model, its feature stages included, into a folder by Spark's own writer."""
    model.write().overwrite().save(uri)


def load(uri: str) -> PipelineModel:
    """Read what `save` wrote.

    Spark imports the classes that the folder's metadata names, so a folder from an untrusted source
    can run any code: verify its digests before.
    """
    return PipelineModel.load(uri)


def _classes() -> dict[str, tuple[Kind, type[Any]]]:
    found: dict[str, tuple[Kind, type[Any]]] = {}
    modules: tuple[tuple[Kind, Any], ...] = (
        ("classifier", classification),
        ("regressor", regression),
    )
    for kind, module in modules:
        for name in module.__all__:
            member = getattr(module, name)
            if inspect.isclass(member) and issubclass(member, SparkEstimator):
                found[name] = (kind, member)
    return found


def _find(name: str) -> tuple[Kind, type[Any]]:
    classes = _classes()
    if name not in classes:
        known = [f"mllib.{known}" for known in classes]
        raise ConfigurationError(
            f"MLlib has no classifier or regressor {name!r}",
            hint=did_you_mean(f"mllib.{name}", known),
        )
    return classes[name]


def _parameters(kind: type[Any]) -> list[str]:
    return [name for name in parameter_names(kind) if name not in _OURS]


def _build(name: str, params: Mapping[str, Any], seed: int) -> Any:
    _, found = _find(name)
    known = _parameters(found)
    check_names(f"mllib.{name}", params, known)
    given = dict(params)
    if "classifier" in given:  # OneVsRest
        nested = LearnerChoice.model_validate(given["classifier"])
        given["classifier"] = _build(nested.name.removeprefix("mllib."), nested.params, seed)
    if "seed" in known:
        given.setdefault("seed", seed)
    try:
        estimator = found(featuresCol=FEATURES, labelCol=LABEL, **given)
        return estimator.copy()  # which hands the parameters to the JVM: they are validated there
    except (TypeError, ValueError, IllegalArgumentException) as error:
        raise ConfigurationError(
            f"mllib.{name} does not accept its parameters",
            got=str(error).rstrip("."),
            hint="Check `learner.params`.",
        ) from error


def _prediction(fitted: Any) -> Column:
    if fitted.hasParam("probabilityCol"):
        numbers = vector_to_array(F.col(fitted.getProbabilityCol()))
        return numbers[1] if fitted.numClasses == 2 else numbers
    if fitted.hasParam("rawPredictionCol"):
        margins = vector_to_array(F.col(fitted.getRawPredictionCol()))
        classes = fitted.numClasses if hasattr(fitted, "numClasses") else len(fitted.models)
        return (margins[1] - margins[0]) / 2 if classes == 2 else margins
    return F.col(fitted.getPredictionCol())
