"""Resolution of declared features against a table's schema."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import (
    BinnedFeatures,
    BooleanFeatures,
    CategoricalFeatures,
    CountFeatures,
    CrossFeatures,
    DateFeatures,
    FeatureGroup,
    NumericFeatures,
    StageFeatures,
    TargetFeatures,
    TextFeatures,
)
from petafit.config.section import Names
from petafit.errors import ConfigurationError, did_you_mean
from petafit.features.columns import (
    Columns,
    check_columns,
    is_boolean,
    is_date,
    is_number,
    is_string,
)
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Count,
    Cross,
    Cyclic,
    DatePart,
    Feature,
    Frequent,
    Indicator,
    IndicatorIfTelling,
    Numeric,
    QuantileBinned,
    TargetMean,
    Text,
)
from petafit.table.columns import has_column

ColumnGroup = (
    NumericFeatures
    | BinnedFeatures
    | CategoricalFeatures
    | CountFeatures
    | TargetFeatures
    | BooleanFeatures
    | DateFeatures
    | TextFeatures
)

_POWERS = [2.0**power for power in range(63)]
LOG2_EDGES = (*(-edge for edge in reversed(_POWERS)), 0.0, *_POWERS)
"""-2**62, …, -2, -1, 0, 1, 2, …, 2**62."""

_DEFAULT_BINS = 32
_DEFAULT_NGRAMS = {"word": (1, 2), "char": (3, 5)}
_DEFAULT_PARTS = DateFeatures(date=()).parts
_TIME_OF_DAY = frozenset({"hour", "minute"})


def resolve(
    declared: Literal["auto"] | Sequence[FeatureGroup],
    schema: pa.Schema,
    *,
    label: str | None,
    weight: str | None = None,
    keys: Sequence[str] = (),
    index: Collection[str] = (),
    staged: Sequence[Feature] = (),
) -> tuple[Feature, ...]:
    """Return the features that a declaration stands for, on a table with this schema.

    A pattern never selects the label, the weight, a key or the index of a pandas frame, and skips a
    column from which a group that lists it by name makes the same feature. ``auto`` uses the type
    of every column except these four. Groups of stages are left to `staged`.

    Parameters
    ----------
    staged : sequence of Feature
        Those that stages of Spark ML make.

    Raises
    ------
    ConfigurationError
        An unknown column, a pattern without a match, a type that does not fit, the label named
        as a feature, two features of one name, or no feature at all.
    """
    hidden = frozenset(name for name in (label, weight, *keys, *index) if name is not None)
    columns = Columns(schema, label, hidden)
    if declared == "auto":
        features = tuple(f for name in columns.open for f in automatic(schema.field(name)))
    else:
        features = (*_declared(declared, columns), *staged)
    if not features and not _has_stages(declared):
        raise ConfigurationError(
            "No column of the table can be a feature", hint="List columns under `features:`."
        )
    check_columns(features, schema, error=ConfigurationError)
    _check_names(features)
    return features


def _declared(declared: Sequence[FeatureGroup], columns: Columns) -> tuple[Feature, ...]:
    singles = [g for g in declared if not isinstance(g, CrossFeatures | StageFeatures)]
    crosses = [
        names for group in declared if isinstance(group, CrossFeatures) for names in group.cross
    ]
    named = [f for made in _made(singles, columns, by_pattern=False) for f in made]
    taken = {feature.name for feature in named}
    matched = (
        feature
        for made in _made(singles, columns, by_pattern=True)
        if taken.isdisjoint(feature.name for feature in made)
        for feature in made
    )
    features = (*named, *matched)
    _refuse_crossed_text(crosses, features)
    categories = {f.name: f for f in features if isinstance(f, Categorical)}
    return (*features, *(_cross(names, categories, columns) for names in crosses))


def _has_stages(declared: Literal["auto"] | Sequence[FeatureGroup]) -> bool:
    return any(isinstance(group, StageFeatures) for group in declared)


def _made(
    declared: Iterable[ColumnGroup], columns: Columns, *, by_pattern: bool
) -> Iterator[tuple[Feature, ...]]:
    """Return the groups' features of columns listed by name, or of those selected by a pattern."""
    for group in declared:
        for selector in selectors(group):
            if columns.is_pattern(selector) is by_pattern:
                for name in columns.select(selector):
                    yield features_of(group, columns.schema.field(name))


def _cross(names: Sequence[str], categories: Mapping[str, Categorical], columns: Columns) -> Cross:
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigurationError(
            "A cross needs two or more different features", got=f"cross: [{list(names)}]"
        )
    return Cross(tuple(_cross_part(name, categories, columns) for name in names))


def _cross_part(name: str, categories: Mapping[str, Categorical], columns: Columns) -> Categorical:
    """Return the category declared under this name, else the column itself."""
    if name in categories:
        return categories[name]
    if not has_column(columns.schema, name):
        raise ConfigurationError(
            f"A cross names {name!r}, which is neither a category nor a column",
            hint=did_you_mean(name, {*categories, *columns.open}),
        )
    return Categorical(columns.named(name))


def _refuse_crossed_text(crosses: Iterable[Sequence[str]], features: Sequence[Feature]) -> None:
    """Refuse crosses of whole texts: most occur once, so a model could not learn from them."""
    crossed = {name for names in crosses for name in names}
    categories = {f.name for f in features if isinstance(f, Categorical)}
    for feature in features:
        if isinstance(feature, Text):
            for name in crossed.intersection({feature.name, feature.column} - categories):
                raise ConfigurationError(
                    f"A cross names {name!r}, which is text",
                    expected="categories",
                    hint=f"Leave it out, or declare {feature.column!r} under `categorical:`, too.",
                )


def _check_names(features: Iterable[Feature]) -> None:
    seen: set[str] = set()
    for feature in features:
        if feature.name in seen:
            raise ConfigurationError(
                f"Two features would be called {feature.name!r}",
                hint="Declare it once; `binned:`, `date:` and `text:` make names of their own.",
            )
        seen.add(feature.name)


def selectors(group: ColumnGroup) -> Names:
    """Return the names, globs and types by which a group selects its columns."""
    match group:
        case NumericFeatures():
            return group.numeric
        case BinnedFeatures():
            return group.binned
        case CategoricalFeatures():
            return group.categorical
        case CountFeatures():
            return group.count
        case TargetFeatures():
            return group.target
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
            return (value, *_indicators(group, field.name))
        case BinnedFeatures():
            return (_binned(group, field.name),)
        case CategoricalFeatures():
            if group.min_count is not None:
                return (Frequent(field.name, group.min_count),)
            return (Categorical(field.name),)
        case CountFeatures():
            return (Count(field.name),)
        case TargetFeatures():
            return (TargetMean(field.name, group.smoothing),)
        case BooleanFeatures():
            return (Boolean(field.name),)
        case DateFeatures():
            return _date_parts(group, field)
        case TextFeatures():
            low, high = group.ngrams or _DEFAULT_NGRAMS[group.analyzer]
            return (Text(field.name, group.analyzer, (low, high), group.lowercase, group.norm),)


def _indicators(group: NumericFeatures, column: str) -> tuple[Indicator, ...]:
    if group.indicator == "auto":
        return (IndicatorIfTelling(column),)
    return (Indicator(column),) if group.indicator else ()


def _binned(group: BinnedFeatures, column: str) -> Binned | QuantileBinned:
    if group.edges == "log2":
        return Binned(column, LOG2_EDGES)
    if group.edges == "quantiles":
        return QuantileBinned(column, group.bins or _DEFAULT_BINS)
    edges = tuple(map(float, group.edges))
    if not edges or not np.isfinite(edges).all() or any(a >= b for a, b in pairwise(edges)):
        raise ConfigurationError(
            f"The edges of {', '.join(map(repr, group.binned))} do not make bins",
            expected="finite numbers in ascending order",
            got=list(edges),
        )
    return Binned(column, edges)


def _date_parts(group: DateFeatures, field: pa.Field) -> tuple[DatePart | Cyclic, ...]:
    """Return the requested date parts, or the column type's defaults."""
    parts = group.parts
    if parts == _DEFAULT_PARTS and pa.types.is_date(field.type):
        parts = tuple(part for part in parts if part not in _TIME_OF_DAY)
    if group.cyclic:
        waves: tuple[Literal["sin", "cos"], ...] = ("sin", "cos")
        return tuple(Cyclic(field.name, part, wave) for part in parts for wave in waves)
    return tuple(DatePart(field.name, part) for part in parts)


def automatic(field: pa.Field) -> tuple[Feature, ...]:
    """Return the features of a column for ``features: auto``; none if its type has no feature."""
    if is_number(field.type):
        return (Numeric(field.name),)
    if is_boolean(field.type):
        return (Boolean(field.name),)
    if is_string(field.type):
        return (Categorical(field.name),)
    if is_date(field.type):
        return _date_parts(DateFeatures(date=(field.name,)), field)
    return ()
