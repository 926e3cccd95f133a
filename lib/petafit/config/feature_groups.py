"""Declaration of features in a task: groups of columns, each with its options."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from petafit.config.section import Names, Section
from petafit.config.stages import Stage


class NumericFeatures(Section):
    """Columns used by their numeric value."""

    numeric: Names = Field(description="names, patterns like `pixel_*`, or types: type:double")
    impute: Literal["mean", "none"] | float = Field(
        "mean", description="what stands for null and NaN; none leaves the feature out"
    )
    indicator: bool | Literal["auto"] = Field(
        False,
        description="one more feature, set if the value is missing; auto: for columns of which "
        "0.1% to 99.9% is missing in the training rows",
    )
    log1p: bool = Field(False, description="sign(x) log(1 + |x|), before scaling")
    scale: Literal["standard", "minmax", "none"] = Field(
        "standard", description="to mean 0 and deviation 1, or to 0..1"
    )


class BinnedFeatures(Section):
    """Numeric columns cut into bins, each bin a category."""

    binned: Names = Field(description="as in numeric")
    edges: Literal["log2", "quantiles"] | tuple[float, ...] = Field(
        "log2",
        description="cut points; log2: 0, 1, 2, 4, 8, ... and their negatives; quantiles: bins of "
        "about equal weight in the training rows",
    )
    bins: int | None = Field(
        None, ge=2, le=4096, description="the most bins between quantiles; null: 32"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bins is not None and self.edges != "quantiles":
            raise ValueError("bins are counted between quantiles: set edges to quantiles, too")
        return self


class CategoricalFeatures(Section):
    """Columns used by their distinct values: strings and integers."""

    categorical: Names = Field(description="as in numeric")
    min_count: int | None = Field(
        None,
        ge=2,
        description="values of fewer training rows, and unseen ones, are the category (rare); "
        "null: each is its own",
    )


class CountFeatures(Section):
    """Columns of categories used by the frequency of their values."""

    count: Names = Field(
        description="strings and integers; log(1 + rows with this value in training), to mean 0 "
        "and deviation 1"
    )


class TargetFeatures(Section):
    """Columns of categories used by the mean label of their values."""

    target: Names = Field(
        description="strings and integers; the label's mean in training rows with this value, out "
        "of fold by `keys`; of two classes the log odds; to mean 0 and deviation 1"
    )
    smoothing: float = Field(
        20.0, gt=0, description="rows of the overall mean that are added to those of each value"
    )


class BooleanFeatures(Section):
    """Columns of booleans."""

    boolean: Names = Field(description="as in numeric")


DatePart = Literal["year", "month", "day", "day_of_week", "hour", "minute"]


class DateFeatures(Section):
    """Parts of dates and timestamps (UTC), each a category, or a place on a circle."""

    date: Names = Field(description="as in numeric")
    parts: tuple[DatePart, ...] = Field(
        ("month", "day_of_week", "hour"), description="also year, day and minute"
    )
    cyclic: bool = Field(
        False,
        description="sine and cosine of each part instead of categories, so that December is near "
        "January; not of years",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.cyclic and "year" in self.parts:
            raise ValueError("years do not recur: leave them out of the parts of a cyclic group")
        return self


class TextFeatures(Section):
    """Columns of text, cut into n-grams of words or characters, each counted."""

    text: Names = Field(description="as in numeric")
    analyzer: Literal["word", "char"] = Field("word", description="what n-grams are made of")
    ngrams: tuple[int, ...] | None = Field(
        None, description="the smallest and largest size; null: 1 to 2 words, 3 to 5 characters"
    )
    lowercase: bool = Field(True, description="before it is cut")
    norm: Literal["l2", "none"] = Field(
        "l2", description="l2 scales the counts of a row to length 1"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sizes = self.ngrams
        if sizes is not None and not (len(sizes) == 2 and 1 <= sizes[0] <= sizes[1]):
            raise ValueError(
                f"ngrams are two sizes from 1 up, the smaller first: not {list(sizes)}"
            )
        return self


class CrossFeatures(Section):
    """Combinations of categorical columns, each combination a category."""

    cross: tuple[tuple[str, ...], ...] = Field(description="lists of columns named above")


class StageFeatures(Section):
    """Columns and vectors that stages of Spark ML make of the table's columns."""

    stages: tuple[Stage, ...] = Field(
        min_length=1,
        description="transformers and estimators of pyspark.ml.feature, in order, as in "
        "`- Imputer: {inputCols: [a], outputCols: [b]}`; estimators are fitted on the training "
        "rows",
    )
    outputs: Names | None = Field(
        None,
        description="which of their columns are features; null: those that no later stage reads "
        "and no other group names",
    )


UnicodeForm = Literal["NFC", "NFD", "NFKC", "NFKD"]

FEATURE_KINDS = (
    *("numeric", "binned", "categorical", "count", "target", "boolean", "date", "text", "cross"),
    "stages",
)


def _kind(group: object) -> str | None:
    """Return the kind of a feature group: its key in `FEATURE_KINDS`."""
    keys: Collection[str] = ()
    if isinstance(group, Mapping):
        keys = group.keys()
    elif isinstance(group, Section):
        keys = type(group).model_fields
    return next((f"{kind} features" for kind in FEATURE_KINDS if kind in keys), None)


FeatureGroup = Annotated[
    Annotated[NumericFeatures, Tag("numeric features")]
    | Annotated[BinnedFeatures, Tag("binned features")]
    | Annotated[CategoricalFeatures, Tag("categorical features")]
    | Annotated[CountFeatures, Tag("count features")]
    | Annotated[TargetFeatures, Tag("target features")]
    | Annotated[BooleanFeatures, Tag("boolean features")]
    | Annotated[DateFeatures, Tag("date features")]
    | Annotated[TextFeatures, Tag("text features")]
    | Annotated[CrossFeatures, Tag("cross features")]
    | Annotated[StageFeatures, Tag("stages features")],
    Discriminator(
        _kind,
        custom_error_type="feature_kind",
        custom_error_message=f"Input should be a mapping with one of {', '.join(FEATURE_KINDS)}",
    ),
]
