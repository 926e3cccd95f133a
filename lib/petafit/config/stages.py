"""Stages of Spark ML, as tasks name them."""

from typing import Annotated, Any

from pydantic import AfterValidator, JsonValue


def _one(stage: dict[str, Any]) -> dict[str, Any]:
    if len(stage) != 1:
        raise ValueError("a stage has one name, as in `Imputer: {inputCols: [a], outputCols: [b]}`")
    return stage


Stage = Annotated[dict[str, dict[str, JsonValue]], AfterValidator(_one)]
"""A stage of Spark ML: its name, and its parameters."""
