"""Limits of MLlib's estimators, checked with a reason before Spark starts."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.numeric import Scaling
from petafit.features.feature import Feature, Numeric
from petafit.learners.mllib.computed import MOST_NUMBERS

_MOST_FEATURES = 4096
"""Limit for estimators fitted by normal equations: their Gram matrix is held on one machine."""

_MOST_COVARIATES = 1024
"""Limit for mixtures: Spark decomposes a covariance of each component on one machine."""

_BINARY = frozenset({"FMClassifier", "GBTClassifier", "LinearSVC"})

_INPUTS = ("censorCol", "offsetCol", "validationIndicatorCol")
"""Parameters that name an input column."""


def nested_choice(choice: LearnerChoice) -> LearnerChoice | None:
    """Return the classifier given to OneVsRest, by its name or by name and parameters; else None.

    Raises
    ------
    ConfigurationError
        The parameter is neither, or another OneVsRest.
    """
    given = choice.params.get("classifier")
    if given is None:
        return None
    try:
        nested = LearnerChoice.model_validate({"name": given} if isinstance(given, str) else given)
    except ValidationError as error:
        raise ConfigurationError(
            f"The classifier that {choice.name} is to fit for each class is not named",
            expected="mllib.CLASS, or {name: mllib.CLASS, params: {...}}",
            got=repr(given),
        ) from error
    if nested.name.removeprefix("mllib.") == "OneVsRest":
        raise ConfigurationError(
            f"{choice.name} cannot be nested: each of its classifiers is for two classes",
            hint="Name another classifier.",
        )
    return nested


def check_choice(choice: LearnerChoice, *, n_features: int, columns: tuple[str, ...]) -> None:
    """Refuse a choice that cannot work whatever the rows are.

    Parameters
    ----------
    n_features : int
        Length of the estimator's input vectors.
    columns : tuple of str
        Columns that the task reads.

    Raises
    ------
    ConfigurationError
        The estimator is meaningless for these features, or lacks a parameter.
    """
    name, params = choice.name.removeprefix("mllib."), choice.params
    if name == "IsotonicRegression":
        raise ConfigurationError(
            f"{choice.name} reads one feature by its position, and positions are hashes here",
            hint="Choose mllib.GBTRegressor, or petafit.OnlineLinearRegressor.",
        )
    if name == "AFTSurvivalRegression" and "censorCol" not in params:
        raise ConfigurationError(
            f"{choice.name} needs a column that is 1 where the event was seen and 0 elsewhere",
            expected="learner.params.censorCol",
            hint="Name a column of `features`, or choose another regressor.",
        )
    nested = nested_choice(choice)
    if nested:
        check_choice(nested, n_features=n_features, columns=columns)
    elif name == "OneVsRest":
        raise ConfigurationError(
            f"{choice.name} needs a classifier to fit for each class",
            expected="learner.params.classifier: {name: mllib.LogisticRegression}",
        )
    for parameter in _INPUTS:
        if parameter in params and params[parameter] not in columns:
            raise ConfigurationError(
                f"`learner.params.{parameter}` names a column that the task does not read",
                expected=f"one of {', '.join(map(repr, columns))}",
                got=repr(params[parameter]),
            )
    _check_size(choice.name, name, params, n_features)


def _check_size(full_name: str, name: str, params: Mapping[str, Any], n_features: int) -> None:
    if name in ("BisectingKMeans", "GaussianMixture", "KMeans"):
        _check_clusters(full_name, name, params, n_features)
    normal = name == "LinearRegression" and params.get("solver") == "normal"
    if (normal or name == "GeneralizedLinearRegression") and n_features > _MOST_FEATURES:
        raise ConfigurationError(
            f"{full_name} takes at most {_MOST_FEATURES:,} features",
            got=f"{n_features:,}",
            hint="Lower `hash_bits`: there are 2**hash_bits features, and one for each number.",
        )
    if name == "MultilayerPerceptronClassifier":
        layers = params.get("layers")
        first = layers[0] if isinstance(layers, list) and layers else None
        if first != n_features:
            raise ConfigurationError(
                f"{full_name} needs as many inputs as there are features",
                expected=f"learner.params.layers: [{n_features}, ..., number of classes]",
                got=layers,
                hint="There are 2**hash_bits features, and one for each number.",
            )


def _check_clusters(full_name: str, name: str, params: Mapping[str, Any], n_features: int) -> None:
    hint = "Lower `hash_bits`: there are 2**hash_bits features, and one for each number."
    if name == "GaussianMixture" and n_features > _MOST_COVARIATES:
        raise ConfigurationError(
            f"{full_name} takes at most {_MOST_COVARIATES:,} features: each component has a "
            "covariance of every two of them",
            got=f"{n_features:,}",
            hint=hint,
        )
    clusters = params.get("k")
    if isinstance(clusters, int) and clusters * n_features > MOST_NUMBERS:
        raise ConfigurationError(
            f"The clusters of {full_name} have too many features for the workers' memory",
            expected=f"k times the features at most {MOST_NUMBERS:,}",
            got=f"{clusters:,} times {n_features:,}",
            hint=hint,
        )


def check_statistics(choice: LearnerChoice, encoder: Encoder) -> None:
    """Refuse an estimator that the training rows do not suit.

    Raises
    ------
    ConfigurationError
        Too many classes, or negative values where none are allowed.
    """
    _check_fitted(choice, encoder, found=len(encoder.statistics.present))


def _check_fitted(choice: LearnerChoice, encoder: Encoder, *, found: int) -> None:
    name, statistics = choice.name.removeprefix("mllib."), encoder.statistics
    if nested := nested_choice(choice):
        _check_fitted(nested, encoder, found=2)
    if name in _BINARY and found != 2:
        raise ConfigurationError(
            f"{choice.name} distinguishes only two classes",
            got=f"{found} classes",
            hint="Wrap it in mllib.OneVsRest, or choose another classifier.",
        )
    if name == "MultilayerPerceptronClassifier":
        layers = choice.params["layers"]
        if not isinstance(layers, list) or layers[-1] != found:
            raise ConfigurationError(
                f"{choice.name} needs as many outputs as training rows have classes",
                expected=f"learner.params.layers: [..., {found}]",
                got=layers,
            )
    if name == "NaiveBayes" and choice.params.get("modelType") != "gaussian":
        for feature in encoder.features:
            _check_not_negative(choice.name, feature, statistics)


def _check_not_negative(name: str, feature: Feature, statistics: TableStatistics) -> None:
    if not isinstance(feature, Numeric):
        return
    column = statistics.columns[feature.column]
    scaling = Scaling.of(feature, column)
    least = (column.minimum - scaling.shift) / scaling.divisor if column.count else 0.0
    if min(least, scaling.fill) < 0:  # a fill of NaN leaves the feature out, and min() keeps least
        raise ConfigurationError(
            f"{name} needs counts, and the feature {feature.column!r} has values below 0",
            got=f"{min(least, scaling.fill):g}",
            hint="Set `scale: minmax` or `scale: none` for it, or `learner.params.modelType: "
            "gaussian`.",
        )
