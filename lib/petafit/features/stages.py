"""The general form of the features: Spark ML stages that give what the encoder gives.

The stages are Spark's own, but for the one that adds text; a PipelineModel can hold, store and load
them. They run on Spark Connect too. The session's time zone must be UTC.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from pyspark.ml import Transformer
from pyspark.ml.feature import FeatureHasher, SQLTransformer

from petafit.errors import ConfigurationError
from petafit.features.facts import Facts
from petafit.features.feature import (
    CROSS,
    Binned,
    Categorical,
    Cross,
    DatePart,
    Feature,
    Indicator,
    Numeric,
    Text,
)
from petafit.features.numeric import MISSING_BIN, Scaling
from petafit.features.text_stage import AddText
from petafit.table.literals import quoted

FEATURES = "features"
"""The vector column of features."""

_ROW = "__petafit_row"

_PARTS = {
    "year": "year",
    "month": "month",
    "day": "dayofmonth",
    "day_of_week": "weekday",
    "hour": "hour",
    "minute": "minute",
}


def stages(features: tuple[Feature, ...], facts: Facts, hash_bits: int) -> list[Transformer]:
    """Transformers that add a column to a frame: `FEATURES`, a sparse vector of ``2**hash_bits``.

    FeatureHasher takes a feature's name from its column. So the row is put aside, each feature
    becomes a column of its name, is hashed, and the row comes back.

    Raises
    ------
    ConfigurationError
        A name that FeatureHasher cannot take.
    """
    columns = dict(_columns(features, facts))
    for name in columns:
        if "." in name or "`" in name:
            raise ConfigurationError(
                f"Spark's FeatureHasher cannot take the feature {name!r}",
                expected="a name without dot and backtick",
                hint="Rename the column, or choose a learner that is not from MLlib.",
            )
    selected = "".join(f", {sql} AS {quoted(name)}" for name, sql in columns.items())
    texts = [feature for feature in features if isinstance(feature, Text)]
    return [
        SQLTransformer(statement=f"SELECT struct(*) AS {_ROW}{selected} FROM __THIS__"),
        FeatureHasher(inputCols=list(columns), outputCol=FEATURES, numFeatures=1 << hash_bits),
        SQLTransformer(statement=f"SELECT {_ROW}.*, {FEATURES} FROM __THIS__"),
        *([AddText(texts, vector=FEATURES, hash_bits=hash_bits)] if texts else []),
    ]


def _columns(features: Iterable[Feature], facts: Facts) -> Iterator[tuple[str, str]]:
    """The name of each feature, and an expression: a double is a value, a string a category."""
    for feature in features:
        match feature:
            case Numeric():
                scaling = Scaling.of(feature, facts.columns.get(feature.column))
                yield feature.name, _scaled(feature, scaling)
            case Cross():
                parts = f", '{CROSS}', ".join(_category(part) for part in feature.parts)
                yield feature.name, f"concat({parts})"
            case Categorical():
                yield feature.name, _category(feature)


def _scaled(feature: Numeric, scaling: Scaling) -> str:
    value = _double(feature.column)
    if feature.log1p:
        value = f"signum({value}) * log1p(abs({value}))"
    scaled = f"({value} - {_literal(scaling.shift)}) / {_literal(scaling.divisor)}"
    return f"if({_missing(feature.column)}, {_literal(scaling.fill)}, {scaled})"


def _category(feature: Categorical) -> str:
    match feature:
        case Indicator():
            return f"if({_missing(feature.column)}, 'true', NULL)"
        case Binned():
            edges = ", ".join(map(_literal, feature.edges))
            below = f"size(filter(array({edges}), edge -> edge <= {_double(feature.column)}))"
            missing = _missing(feature.column)
            return f"if({missing}, '{MISSING_BIN}', CAST({below} AS STRING))"
        case DatePart():
            return f"CAST({_PARTS[feature.part]}({quoted(feature.column)}) AS STRING)"
        case _:
            return f"CAST({quoted(feature.column)} AS STRING)"


def _missing(column: str) -> str:
    return f"({quoted(column)} IS NULL OR isnan({_double(column)}))"


def _double(column: str) -> str:
    return f"CAST({quoted(column)} AS DOUBLE)"


def _literal(number: float) -> str:
    return "CAST(NULL AS DOUBLE)" if np.isnan(number) else f"{float(number)!r}D"
