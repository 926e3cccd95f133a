"""Spark MLlib's estimators, fitted to a whole DataFrame with its feature stages."""

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.errors import IllegalArgumentException
from pyspark.ml import Estimator as SparkEstimator
from pyspark.ml import (
    Pipeline,
    PipelineModel,
    Transformer,
    classification,
    clustering,
    recommendation,
    regression,
)
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError, did_you_mean
from petafit.features.column_statistics import TableStatistics
from petafit.features.spark import number_stage, text_stage
from petafit.features.spark.stages import FEATURES
from petafit.learners.base import DECISION, PREDICTION, Kind, Output
from petafit.learners.mllib.limits import nested_choice
from petafit.learners.mllib.spark_columns import decision_column, prediction_column
from petafit.learners.parameters import check_names, parameter_names
from petafit.spark.failures import in_one_sentence
from petafit.stream.scan.unreadable import naming_files
from petafit.table.filters.literals import quoted

LABEL = "label_index"
"""The double column with the label: a class's position, or the number."""

USER, ITEM = "user_number", "item_number"
"""The columns with the numbers of users and items."""

_FORMER_MODULES = {
    "petafit.features.number_stage": number_stage,
    "petafit.features.text_stage": text_stage,
}
"""Former module names, under which models published before the modules moved have their stages."""

_OURS = frozenset(
    (
        "coldStartStrategy",
        "featuresCol",
        "labelCol",
        "predictionCol",
        "probabilityCol",
        "ratingCol",
        "rawPredictionCol",
        "weightCol",
    )
)


_COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    "classifier": {"featuresCol": FEATURES, "labelCol": LABEL},
    "regressor": {"featuresCol": FEATURES, "labelCol": LABEL},
    "clusterer": {"featuresCol": FEATURES},
    "recommender": {"userCol": USER, "itemCol": ITEM, "ratingCol": LABEL},
}
"""The columns of the frames that estimators are fitted to."""

_NO_LEARNERS = {
    "LDA": "it finds topics in counts of words, and gives no clusters of rows",
    "PowerIterationClustering": "it clusters the nodes of a graph, and gives no model",
}
"""Estimators of pyspark.ml that are left out, with the reason."""


@dataclass(frozen=True)
class Estimator:
    """An MLlib estimator with the traits that petafit needs.

    Attributes
    ----------
    kind : {"classifier", "regressor", "clusterer", "recommender"}
    output : {"probability", "margin", "value", "cluster"}
    spark : pyspark.ml.Estimator
    weighted : bool
        The estimator accepts a column of weights.
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
            Has the label as `LABEL`, except for a clusterer, and the stages' input columns.
        stages : sequence of Transformer
            Compute the column `FEATURES`; they become part of the model.
        weight : str, optional
            A column of weights.

        Raises
        ------
        ConfigurationError
            Weights for an estimator that accepts none, or anything that Spark refuses: a parameter
            out of range, labels, features.
        ContractError, StorageError
            As `petafit.stream.scan.unreadable.naming_files`.
        """
        estimator = self.spark.copy()
        if weight is not None:
            if not self.weighted:
                raise ConfigurationError(f"{self.name} takes no weights", hint="Remove `weight`.")
            estimator.setWeightCol(weight)
        refused = in_one_sentence(
            f"{self.name} cannot be fitted",
            hint="Check the label, the features and `learner.params`.",
        )
        with refused, naming_files():
            return Pipeline(stages=[*stages, estimator]).fit(frame)


def estimator_names() -> list[str]:
    """Return the class names of all MLlib's estimators that are learners here."""
    return sorted(_classes())


def describe(name: str, params: Mapping[str, Any]) -> tuple[Kind, Output]:
    """Return an estimator's kind and output; needs no session.

    Raises
    ------
    ConfigurationError
        An unknown estimator or parameter.
    """
    kind, found = find_class(name)
    check_names(f"mllib.{name}", params, own_parameters(found))
    if kind in ("regressor", "recommender"):
        return kind, "value"
    if kind == "clusterer" and name != "GaussianMixture":
        return kind, "cluster"
    return kind, "probability" if "probabilityCol" in dir(found) else "margin"


def make_estimator(choice: LearnerChoice, *, kind: Kind, seed: int) -> Estimator:
    """Build an estimator; needs a running session.

    Parameters
    ----------
    kind : {"classifier", "regressor", "clusterer", "recommender"}
        The kind that the label, or its absence, requires.
    seed : int
        Seed of a random estimator, unless its parameters give one.

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
    spark = _build(choice, seed)
    fitted = [name]
    if nested := nested_choice(choice):  # OneVsRest drops weights that its classifier cannot take
        fitted.append(nested.name.removeprefix("mllib."))
    weighted = all("weightCol" in parameter_names(find_class(each)[1]) for each in fitted)
    return Estimator(choice.name, kind, output, spark, weighted)


def predictions(model: PipelineModel, frame: DataFrame, statistics: TableStatistics) -> DataFrame:
    """Add a model's predictions, and decisions by its own thresholds, to a frame.

    Parameters
    ----------
    statistics : TableStatistics
        Statistics of the model's training rows.

    Returns
    -------
    DataFrame
        The frame's columns and `PREDICTION`: with two classes the probability of the second (a
        margin where there are no probabilities), with more an array of all; else the value. Of a
        classifier `DECISION`, too: the position of the class, as Spark's own model decides.
    """
    fitted: Any = model.stages[-1]
    added = [F.col(fitted.getPredictionCol()).alias(PREDICTION)]
    if statistics.classes is not None:
        added = [
            prediction_column(fitted, statistics).alias(PREDICTION),
            decision_column(fitted, statistics).alias(DECISION),
        ]
    columns = [F.col(quoted(name)) for name in frame.columns]
    return model.transform(frame).select(*columns, *added)


def save(model: PipelineModel, uri: str) -> None:
    """Write the model, its feature stages included, into a folder by Spark's own writer."""
    model.write().overwrite().save(uri)


def load(uri: str) -> PipelineModel:
    """Load a model that `save` wrote.

    Spark imports the classes named in the folder's metadata, so a folder from an untrusted source
    can run arbitrary code: verify its digests first.
    """
    sys.modules.update(_FORMER_MODULES)
    return PipelineModel.load(uri)


def _classes() -> dict[str, tuple[Kind, type[Any]]]:
    found: dict[str, tuple[Kind, type[Any]]] = {}
    modules: tuple[tuple[Kind, Any], ...] = (
        ("classifier", classification),
        ("regressor", regression),
        ("clusterer", clustering),
        ("recommender", recommendation),
    )
    for kind, module in modules:
        for name in module.__all__:
            member = getattr(module, name)
            if inspect.isclass(member) and issubclass(member, SparkEstimator):
                found[name] = (kind, member)
    return {name: each for name, each in found.items() if name not in _NO_LEARNERS}


def find_class(name: str) -> tuple[Kind, type[Any]]:
    """Return an estimator's kind and class.

    Raises
    ------
    ConfigurationError
        An unknown estimator.
    """
    classes = _classes()
    if name in _NO_LEARNERS:
        raise ConfigurationError(
            f"mllib.{name} is no learner here: {_NO_LEARNERS[name]}",
            hint="Choose mllib.KMeans, mllib.BisectingKMeans or mllib.GaussianMixture.",
        )
    if name not in classes:
        known = [f"mllib.{known}" for known in classes]
        raise ConfigurationError(
            f"MLlib has no classifier, regressor, clusterer or recommender {name!r}",
            hint=did_you_mean(f"mllib.{name}", known),
        )
    return classes[name]


def own_parameters(kind: type[Any]) -> list[str]:
    """Return the names of the parameters that a task may set."""
    return [name for name in parameter_names(kind) if name not in _OURS]


def _build(choice: LearnerChoice, seed: int) -> Any:
    name = choice.name.removeprefix("mllib.")
    kind, found = find_class(name)
    known = own_parameters(found)
    check_names(f"mllib.{name}", choice.params, known)
    given = dict(choice.params)
    if nested := nested_choice(choice):
        if find_class(nested.name.removeprefix("mllib."))[0] != "classifier":
            raise ConfigurationError(
                f"mllib.{name} needs a classifier to fit for each class", got=nested.name
            )
        given["classifier"] = _build(nested, seed)
    if "seed" in known:
        given.setdefault("seed", seed)
    try:
        estimator = found(**{**given, **_COLUMNS[kind]})
        return estimator.copy()  # copy() passes the parameters to the JVM, which validates them
    except (TypeError, ValueError, IllegalArgumentException) as error:
        raise ConfigurationError(
            f"mllib.{name} does not accept its parameters",
            got=str(error).rstrip("."),
            hint="Check `learner.params`.",
        ) from error
