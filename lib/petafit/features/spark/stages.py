"""Features as Spark ML stages, equivalent to the encoder.

The stages are Spark's own, except those of texts and numbers; a PipelineModel can hold,
store and load them. They run on Spark Connect too. The session's time zone must be UTC.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from pyspark.ml import Transformer
from pyspark.ml.feature import FeatureHasher, SQLTransformer, VectorAssembler

from petafit.config.feature_groups import UnicodeForm
from petafit.errors import ConfigurationError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoding.hashing import IndexSpace
from petafit.features.encoding.numeric import MISSING_BIN, Scaling
from petafit.features.feature import (
    CROSS,
    Binned,
    Categorical,
    Cross,
    Cyclic,
    DatePart,
    Feature,
    Indicator,
    Numeric,
    Text,
    Vector,
    needs_table,
)
from petafit.features.spark.number_stage import AddNumbers
from petafit.features.spark.text_stage import AddText
from petafit.features.spark.unicode_stage import NormalizeTexts
from petafit.features.spark.vector_stage import AddVectors
from petafit.table.filters.literals import quoted

FEATURES = "features"
"""The vector column of features."""

_ROW, _NUMBERS, _VECTOR = "__petafit_row", "__petafit_numbers", "__petafit_vector"

_PARTS = {
    "year": "year",
    "month": "month",
    "day": "dayofmonth",
    "day_of_week": "weekday",
    "hour": "hour",
    "minute": "minute",
}


def stages(
    features: tuple[Feature, ...],
    statistics: TableStatistics,
    hash_bits: int,
    form: UnicodeForm | None = None,
) -> list[Transformer]:
    """Return transformers that add the column `FEATURES`, a vector of the encoder's indices.

    FeatureHasher takes a feature's name from its column. So the row is packed into a struct, each
    feature becomes a column of its name and is hashed, and the row is unpacked beside the vector.
    Numbers follow the hashed indices; without any category or text nothing is hashed.

    Parameters
    ----------
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which texts are normalized; those of a cross in one string, since their
        separator does not combine with other characters.

    Raises
    ------
    ConfigurationError
        A name that FeatureHasher does not support.
    """
    check_features(features)
    space, categories = IndexSpace(features, hash_bits), dict(_categories(features))
    for name in categories:
        if "." in name or "`" in name:
            raise ConfigurationError(
                f"Spark's FeatureHasher cannot take the feature {name!r}",
                expected="a name without dot and backtick",
                hint="Rename the column, or choose a learner that is not from MLlib.",
            )
    numbers = [_number(feature, statistics) for feature in features if isinstance(feature, Numeric)]
    numbers += [_cyclic(feature) for feature in features if isinstance(feature, Cyclic)]
    texts = [feature for feature in features if isinstance(feature, Text)]
    vectors = [feature for feature in features if isinstance(feature, Vector)]
    selected = [f"struct(*) AS {_ROW}"]
    selected += [f"{sql} AS {quoted(name)}" for name, sql in categories.items()]
    slots = [f"{_VECTOR}_{place}" for place in range(len(vectors))]
    selected += [f"{quoted(v.column)} AS {slot}" for v, slot in zip(vectors, slots, strict=True)]
    made: list[Transformer] = []
    if space.n_hashed:
        stored = [feature.name for feature in features if _has_text(feature)]
        if form and stored:
            made.append(NormalizeTexts(stored, form))
        made.append(_hasher(categories, space))
        if texts:
            made.append(AddText(texts, vector=_VECTOR, hash_bits=hash_bits, row=_ROW, form=form))
        if numbers:
            selected.append(f"array({', '.join(numbers)}) AS {_NUMBERS}")
            last = space.n_hashed + len(numbers)
            made.append(
                AddNumbers(numbers=_NUMBERS, vector=_VECTOR, first=space.n_hashed, size=last)
            )
        if vectors:
            sizes = [feature.size for feature in vectors]
            made.append(
                AddVectors(vectors=slots, sizes=sizes, vector=_VECTOR, first=space.vectors[0])
            )
    else:
        names = [f"{_NUMBERS}_{number}" for number in range(len(numbers))]
        selected += [
            f"coalesce({sql}, 0D) AS {name}" for sql, name in zip(numbers, names, strict=True)
        ]
        made = [VectorAssembler(inputCols=[*names, *slots], outputCol=_VECTOR)]
    return [
        SQLTransformer(statement=f"SELECT {', '.join(selected)} FROM __THIS__"),
        *made,
        SQLTransformer(statement=f"SELECT {_ROW}.*, {_VECTOR} AS {FEATURES} FROM __THIS__"),
    ]


def check_features(features: Iterable[Feature]) -> None:
    """Refuse features that have no stage of Spark ML.

    Raises
    ------
    ConfigurationError
        Names the first.
    """
    for feature in features:
        if needs_table(feature):
            raise ConfigurationError(
                f"MLlib cannot learn from the feature {feature.name!r}, which needs a table "
                "of values",
                hint="Choose a learner that is not from MLlib, or use plain `categorical:`.",
            )


def _has_text(feature: Feature) -> bool:
    """Return whether a category, or a part of a cross, may be stored text."""
    if isinstance(feature, Cross):
        return any(map(_has_text, feature.parts))
    return type(feature) is Categorical


def _hasher(categories: Mapping[str, str], space: IndexSpace) -> FeatureHasher:
    return FeatureHasher(inputCols=list(categories), outputCol=_VECTOR, numFeatures=space.n_hashed)


def _categories(features: Iterable[Feature]) -> Iterator[tuple[str, str]]:
    """Return the name of each category, and a SQL expression of its text."""
    for feature in features:
        match feature:
            case Cross():
                parts = f", '{CROSS}', ".join(_category(part) for part in feature.parts)
                yield feature.name, f"concat({parts})"
            case Categorical():
                yield feature.name, _category(feature)


def _number(feature: Numeric, statistics: TableStatistics) -> str:
    """Return a SQL expression of type double; null leaves the feature out."""
    scaling = Scaling.of(feature, statistics.columns.get(feature.column))
    value = _double(feature.column)
    if feature.log1p:
        value = f"signum({value}) * log1p(abs({value}))"
    scaled = f"({value} - {_literal(scaling.shift)}) / {_literal(scaling.divisor)}"
    return f"if({_missing(feature.column)}, {_literal(scaling.fill)}, {scaled})"


def _cyclic(feature: Cyclic) -> str:
    """Return a SQL expression of type double; null for null."""
    values = ", ".join(map(_literal, feature.values))
    part = f"{_PARTS[feature.part]}({quoted(feature.column)})"
    # Not element_at: with ANSI it claims never to be null, and Spark leaves a coalesce of it out.
    return f"get(array({values}), {part} - {feature.first})"


def _category(feature: Categorical) -> str:
    match feature:
        case Indicator():
            return f"if({_missing(feature.column)}, 'true', NULL)"
        case Binned():
            edges = f"array({', '.join(map(_literal, feature.edges))})"
            if not feature.edges:  # of nothing Spark would make an array without a type
                edges = f"CAST({edges} AS ARRAY<DOUBLE>)"
            below = f"size(filter({edges}, edge -> edge <= {_double(feature.column)}))"
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
