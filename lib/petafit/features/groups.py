"""Features of a column for each group of the settings."""

from itertools import pairwise

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import (
    BinnedFeatures,
    BooleanFeatures,
    CategoricalFeatures,
    DateFeatures,
    NumericFeatures,
    TextFeatures,
)
from petafit.config.section import Names
from petafit.errors import ConfigurationError
from petafit.features import column_types
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    DatePart,
    Feature,
    Indicator,
    Numeric,
    Text,
)

ColumnGroup = (
    NumericFeatures
    | BinnedFeatures
    | CategoricalFeatures
    | BooleanFeatures
    | DateFeatures
    | TextFeatures
)

_POWERS = [2.0**power for power in range(63)]
LOG2_EDGES = (*(-edge for edge in reversed(_POWERS)), 0.0, *_POWERS)
"""-2**62, …, -2, -1, 0, 1, 2, …, 2**62."""

_DEFAULT_NGRAMS = {"word": (1, 2), "char": (3, 5)}
_DEFAULT_PARTS = DateFeatures(date=()).parts
_TIME_OF_DAY = frozenset({"hour", "minute"})


def selectors(group: ColumnGroup) -> Names:
    """Return the names, globs and types by which a group selects its columns."""
    match group:
        case NumericFeatures():
            return group.numeric
        case BinnedFeatures():
            return group.binned
        case CategoricalFeatures():
            return group.categorical
        case BooleanFeatures():
            return group.boolean
        case DateFeatures():
            return group.date
        case TextFeatures():
            return group.text


def features_of(group: ColumnGroup, field: pa.Field) -> tuple[Feature, ...]:
    """Return the features that a group makes of one column."""
    match group:
        case NumericFeatures():
            value = Numeric(field.name, group.impute, group.log1p, group.scale)
            return (value, Indicator(field.name)) if group.indicator else (value,)
        case BinnedFeatures():
            return (Binned(field.name, _edges(group)),)
        case CategoricalFeatures():
            return (Categorical(field.name),)
        case BooleanFeatures():
            return (Boolean(field.name),)
        case DateFeatures():
            return _date_parts(group, field)
        case TextFeatures():
            low, high = group.ngrams or _DEFAULT_NGRAMS[group.analyzer]
            return (Text(field.name, group.analyzer, (low, high), group.lowercase, group.norm),)


def _edges(group: BinnedFeatures) -> tuple[float, ...]:
    if group.edges == "log2":
        return LOG2_EDGES
    edges = tuple(map(float, group.edges))
    if not edges or not np.isfinite(edges).all() or any(a >= b for a, b in pairwise(edges)):
        raise ConfigurationError(
            f"The edges of {', '.join(map(repr, group.binned))} do not make bins",
            expected="finite numbers in ascending order",
            got=list(edges),
        )
    return edges


def _date_parts(group: DateFeatures, field: pa.Field) -> tuple[DatePart, ...]:
    """Return the requested date parts, or the column type's defaults."""
    parts = group.parts
    if parts == _DEFAULT_PARTS and pa.types.is_date(field.type):
        parts = tuple(part for part in parts if part not in _TIME_OF_DAY)
    return tuple(DatePart(field.name, part) for part in parts)


def automatic(field: pa.Field) -> tuple[Feature, ...]:
    """Return the features of a column for ``features: auto``; none if its type has no feature."""
    if column_types.is_number(field.type):
        return (Numeric(field.name),)
    if column_types.is_boolean(field.type):
        return (Boolean(field.name),)
    if column_types.is_string(field.type):
        return (Categorical(field.name),)
    if column_types.is_date(field.type):
        return _date_parts(DateFeatures(date=(field.name,)), field)
    return ()
