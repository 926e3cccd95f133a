"""Datasets of `petafit prepare`, with their options."""

from typing import Literal

from pydantic import Field

from petafit.config.section import Section


class ClicksDataset(Section):
    """A generated, Criteo-shaped click log with a known best log-loss."""

    name: Literal["clicks"] = Field(description="a generated click log")
    rows: int = Field(1_000_000, ge=1, description="to generate")
    days: int = Field(10, ge=1, description="that they are spread over")
    seed: int = Field(1, description="of all that is drawn at random")
    format: Literal["delta", "parquet"] = Field("delta", description="of the table written")


class TextsDataset(Section):
    """Generated short texts of many classes, similar in families, with a known best accuracy."""

    name: Literal["texts"] = Field(description="generated texts")
    rows: int = Field(1_000_000, ge=1, description="to generate")
    classes: int = Field(60, ge=2, description="how many")
    days: int = Field(10, ge=1, description="that they are spread over")
    seed: int = Field(1, description="of all that is drawn at random")
    format: Literal["delta", "parquet"] = Field("delta", description="of the table written")
