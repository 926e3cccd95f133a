"""Completion of features whose form depends on the training table."""

from collections.abc import Iterable

from petafit.features.column_statistics import TableStatistics
from petafit.features.feature import (
    Binned,
    Categorical,
    Cross,
    Feature,
    Indicator,
    IndicatorIfTelling,
    QuantileBinned,
)

TELLING_SHARE = 0.001
"""An indicator tells something if this share of rows, or more, is missing, and as much is not."""


def quantile_binned(features: Iterable[Feature]) -> tuple[QuantileBinned, ...]:
    """Return the features, and parts of crosses, whose edges depend on the table; each once."""
    parts = (f.parts if isinstance(f, Cross) else (f,) for f in features)
    return tuple(dict.fromkeys(p for of in parts for p in of if isinstance(p, QuantileBinned)))


def completed(features: Iterable[Feature], statistics: TableStatistics) -> tuple[Feature, ...]:
    """Return the features in the form in which they are encoded and stored.

    Quantile bins get their edges, and indicators that tell nothing are left out, but in crosses.
    """
    return tuple(
        _completed(feature, statistics) for feature in features if _tells(feature, statistics)
    )


def _completed(feature: Feature, statistics: TableStatistics) -> Feature:
    if isinstance(feature, Cross):
        return Cross(tuple(_part(part, statistics) for part in feature.parts))
    return _part(feature, statistics) if isinstance(feature, Categorical) else feature


def _part(feature: Categorical, statistics: TableStatistics) -> Categorical:
    if isinstance(feature, QuantileBinned):
        return Binned(feature.column, statistics.edges[feature.name])
    return Indicator(feature.column) if isinstance(feature, IndicatorIfTelling) else feature


def _tells(feature: Feature, statistics: TableStatistics) -> bool:
    if not isinstance(feature, IndicatorIfTelling):
        return True
    column = statistics.columns[feature.column]
    return TELLING_SHARE <= column.missing / (column.count + column.missing) <= 1 - TELLING_SHARE
