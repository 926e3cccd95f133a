"""Stages of Spark ML that a task names: built from its settings, fitted by Spark."""

import importlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import JsonValue
from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml import feature as library
from pyspark.sql import DataFrame

from petafit.errors import ConfigurationError, did_you_mean
from petafit.spark.failures import in_one_sentence

Stage = Mapping[str, Mapping[str, JsonValue]]
"""One stage: its name, and its parameters."""


def make_stages(
    stages: Sequence[Stage], allowed: Collection[str]
) -> list[Transformer | Estimator[Any]]:
    """Return the stages, not yet fitted.

    Parameters
    ----------
    allowed : collection of str
        Classes beside those of `pyspark.ml.feature`, by their full names.

    Raises
    ------
    ConfigurationError
        An unknown stage, one that is not allowed, or parameters that it does not take.
    """
    return [_made(name, params, allowed) for each in stages for name, params in each.items()]


def learns(stages: Sequence[Stage]) -> bool:
    """Return whether some stages of Spark's own are fitted to rows; others are not known."""
    kinds = (getattr(library, name, None) for stage in stages for name in stage)
    return any(isinstance(kind, type) and issubclass(kind, Estimator) for kind in kinds)


def fit_stages(
    stages: Sequence[Transformer | Estimator[Any]], training: DataFrame
) -> PipelineModel:
    """Return the stages fitted to the training rows.

    Raises
    ------
    ConfigurationError
        A stage cannot be fitted to them.
    """
    names = ", ".join(type(stage).__name__ for stage in stages)
    with in_one_sentence(
        f"Spark cannot fit the stages {names}", hint="Check their columns and parameters."
    ):
        return Pipeline(stages=[*stages]).fit(training)


def transformed(model: PipelineModel, frame: DataFrame) -> DataFrame:
    """Return the frame with the columns of the fitted stages.

    Raises
    ------
    ConfigurationError
        A stage does not fit the frame.
    """
    for stage in model.stages:
        with in_one_sentence(
            f"The stage {type(stage).__name__} cannot be applied",
            hint="Check its columns: a stage sees those of the source and of the stages before it.",
        ):
            frame = stage.transform(frame)
    return frame


def _made(
    name: str, params: Mapping[str, JsonValue], allowed: Collection[str]
) -> Transformer | Estimator[Any]:
    kind = _class(name, allowed)
    try:
        made = kind(**params)
    except (TypeError, ValueError) as error:
        known = [param.name for param in kind().params]
        wrong = next((given for given in params if given not in known), None)
        raise ConfigurationError(
            f"The stage {name} does not take these parameters",
            got=str(error),
            hint=did_you_mean(wrong, known) if wrong else "",
        ) from error
    return made


def _class(name: str, allowed: Collection[str]) -> Any:
    if name in allowed:
        home, _, last = name.rpartition(".")
        try:
            found = getattr(importlib.import_module(home), last)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigurationError(
                f"The stage {name} of `spark.stages` cannot be imported", got=str(error)
            ) from error
    else:
        found = getattr(library, name, None) if name in library.__all__ else None
    if isinstance(found, type) and issubclass(found, Transformer | Estimator):
        return found
    if "." in name:
        raise ConfigurationError(
            f"The stage {name} is not allowed",
            expected=", ".join(sorted(allowed)) or "a stage of pyspark.ml.feature",
            hint="Whoever runs petafit allows a class by `spark.stages` of the environment.",
        )
    raise ConfigurationError(f"There is no stage {name!r}", hint=did_you_mean(name, _known()))


def _known() -> list[str]:
    return [
        name
        for name in library.__all__
        if issubclass(getattr(library, name), Transformer | Estimator)
        and not name.endswith("Model")
    ]
