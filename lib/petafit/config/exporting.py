"""Settings of `petafit export`."""

from typing import Literal

from pydantic import Field

from petafit.config.placeholders import Address
from petafit.config.section import Section

ExportFormat = Literal["spark", "onnx"]
"""A pipeline of Spark ML's own stages, or a graph of ONNX."""


class Exporting(Section):
    """Scope of `petafit export`."""

    to: ExportFormat | None = Field(
        None, description="spark: a pipeline of Spark ML's own stages; onnx: a graph"
    )
    output: Address | None = Field(None, description="the folder to make, which must not exist")
    rows: int = Field(
        100_000, ge=1, description="rows of the table on which the predictions are compared"
    )
    tolerance: float = Field(
        1e-6,
        gt=0,
        description="the largest difference allowed; of predictions above 1, their relative one",
    )
