"""Features as plain JSON values, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

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
    Numeric,
    TargetMean,
    Text,
    Vector,
)

_KINDS: dict[str, type[Numeric | Categorical | Cyclic | Count | TargetMean | Text | Vector]] = {
    "numeric": Numeric,
    "categorical": Categorical,
    "frequent": Frequent,
    "boolean": Boolean,
    "indicator": Indicator,
    "binned": Binned,
    "cyclic": Cyclic,
    "count": Count,
    "target": TargetMean,
    "date": DatePart,
    "text": Text,
    "vector": Vector,
}
_TUPLES = ("edges", "names", "ngrams")
_KIND_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_plain(feature: Feature) -> dict[str, Any]:
    """Convert a feature to plain JSON values.

    Examples
    --------
    >>> to_plain(DatePart("departure", "hour"))
    {'kind': 'date', 'column': 'departure', 'part': 'hour'}
    """
    if isinstance(feature, Cross):
        return {"kind": "cross", "parts": [to_plain(part) for part in feature.parts]}
    return {"kind": _KIND_NAMES[type(feature)], **asdict(feature)}


def from_plain(plain: Mapping[str, Any]) -> Feature:
    """Rebuild the feature that `to_plain` converted."""
    if plain["kind"] == "cross":
        return Cross(tuple(cast(Categorical, from_plain(part)) for part in plain["parts"]))
    options = {name: value for name, value in plain.items() if name != "kind"}
    options |= {name: tuple(options[name]) for name in _TUPLES if name in options}
    return _KINDS[plain["kind"]](**options)
