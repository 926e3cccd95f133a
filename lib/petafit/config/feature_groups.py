"""How a task declares features: groups of columns, each with its options."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from petafit.config.section import Names, Section


class NumericFeatures(Section):
    """Columns whose value counts."""

    numeric: Names
    impute: Literal["mean", "none"] | float = Field(
        "mean", description="what stands for null and NaN; none leaves the feature out"
    )
    indicator: bool = Field(False, description="one more feature that says the value is missing")
    log1p: bool = Field(False, description="sign(x) log(1 + |x|), before scaling")
    scale: Literal["standard", "minmax", "none"] = "standard"


class BinnedFeatures(Section):
    """Numeric columns cut into bins, each bin a category."""

    binned: Names
    edges: Literal["log2"] | tuple[float, ...] = Field(
        "log2", description="cut points; log2: 0, 1, 2, 4, 8, ... and their negatives"
    )


class CategoricalFeatures(Section):
    """Columns whose distinct values count: strings and integers."""

    categorical: Names


class BooleanFeatures(Section):
    """Columns of booleans."""

    boolean: Names


DatePart = Literal["year", "month", "day", "day_of_week", "hour", "minute"]


class DateFeatures(Section):
    """Parts of dates and timestamps (UTC), each a category."""

    date: Names
    parts: tuple[DatePart, ...] = ("month", "day_of_week", "hour")


class CrossFeatures(Section):
    """Combinations of categorical columns, each combination a category."""

    cross: tuple[tuple[str, ...], ...]


FEATURE_KINDS = ("numeric", "binned", "categorical", "boolean", "date", "cross")


def _kind(group: object) -> str | None:
    """The kind of a feature group: the key it has of `FEATURE_KINDS`."""
    for kind in FEATURE_KINDS:
        if (kind in group) if isinstance(group, Mapping) else hasattr(group, kind):
            return f"{kind} features"
    return None


FeatureGroup = Annotated[
    Annotated[NumericFeatures, Tag("numeric features")]
    | Annotated[BinnedFeatures, Tag("binned features")]
    | Annotated[CategoricalFeatures, Tag("categorical features")]
    | Annotated[BooleanFeatures, Tag("boolean features")]
    | Annotated[DateFeatures, Tag("date features")]
    | Annotated[CrossFeatures, Tag("cross features")],
    Discriminator(
        _kind,
        custom_error_type="feature_kind",
        custom_error_message=f"Input should be a mapping with one of {', '.join(FEATURE_KINDS)}",
    ),
]
