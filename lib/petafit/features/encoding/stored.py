"""Validation of an encoder's stored parameters before they are used."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from typing import Any, get_args

import numpy as np
from pydantic import TypeAdapter, ValidationError

from petafit.config.feature_groups import UnicodeForm
from petafit.errors import StorageError
from petafit.features.classes import class_array
from petafit.features.column_statistics import TableStatistics
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

MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Exceptions that malformed content causes where it is read as if it were sound."""

_MOST_BITS = 30
_LONGEST_GRAM = 1000
_FORMS = get_args(UnicodeForm)

_STATISTICS = TypeAdapter(TableStatistics)
_FEATURES: Mapping[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind)
    for kind in (
        *(
            Numeric,
            Categorical,
            Frequent,
            Boolean,
            Indicator,
            Binned,
            DatePart,
            Count,
            TargetMean,
            Text,
        ),
        *(Frequent, Cyclic, Vector),
    )
}


def check_stored(
    features: tuple[Feature, ...],
    statistics: TableStatistics,
    *,
    hash_bits: Any,
    label: Any,
    weight: Any,
    numbers_apart: Any,
    unicode: Any,
    labelled: bool = True,
) -> None:
    """Refuse parameters that no encoder has stored.

    Parameters
    ----------
    labelled : bool
        The statistics have classes or those of a label.

    Raises
    ------
    StorageError
        Names the parameter.
    """
    if type(hash_bits) is not int or not 1 <= hash_bits <= _MOST_BITS:
        raise damaged("hash_bits", expected=f"1 to {_MOST_BITS}", got=hash_bits)
    if not isinstance(numbers_apart, bool):
        raise damaged("numbers_apart", expected="true or false", got=numbers_apart)
    if unicode not in (None, *_FORMS):
        raise damaged("unicode", expected=f"null, or one of {', '.join(_FORMS)}", got=unicode)
    for name, value in (("label", label), ("weight", weight)):
        if value is not None and not isinstance(value, str):
            raise damaged(name, expected="a column", got=value)
    with _naming("facts"):
        _STATISTICS.validate_json(json.dumps(asdict(statistics)), strict=True)
    for feature in features:
        for part in feature.parts if isinstance(feature, Cross) else (feature,):
            _check_feature(part, statistics)
        if isinstance(feature, Cross) and len(feature.parts) < 2:
            raise damaged("features", expected="crosses of two or more", got=feature)
    _check_statistics(statistics, labelled=labelled)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Convert exceptions caused by malformed parameters to one clear error.

    Raises
    ------
    StorageError
        Names the damaged object.
    """
    try:
        yield
    except MALFORMED as error:
        raise StorageError(
            f"{what} is damaged or was not written by petafit",
            got=f"{type(error).__name__}: {str(error)[:200]}",
            hint="Copy the model again, or train it again.",
        ) from error


def damaged(name: str, *, expected: object, got: object) -> StorageError:
    """Return the error for an invalid stored parameter."""
    return StorageError(
        f"A stored model has a wrong parameter {name!r}",
        expected=expected,
        got=repr(got)[:200],
        hint="Copy the model again, or train it again.",
    )


def _check_feature(part: Any, statistics: TableStatistics) -> None:
    if type(part) not in _FEATURES:
        raise damaged("features", expected="features that can be crossed", got=part)
    with _naming("features"):
        _FEATURES[type(part)].validate_json(json.dumps(asdict(part)), strict=True)
    match part:
        case Binned(edges=edges):
            if not np.isfinite(edges).all() or any(a >= b for a, b in pairwise(edges)):
                raise damaged("features", expected="edges in ascending order", got=edges)
        case Text(ngrams=(low, high)):
            if not 1 <= low <= high <= _LONGEST_GRAM:
                raise damaged("features", expected="two sizes of n-grams", got=(low, high))
        case Vector(size=size, names=names):
            if size < 0 or len(names) not in (0, size):
                raise damaged("features", expected="a name for each slot", got=(size, len(names)))
        case Cyclic(part="year"):
            raise damaged("features", expected="a part that recurs", got=part)
        case TargetMean(smoothing=smoothing):
            if not 0 < smoothing < np.inf:
                raise damaged("features", expected="a smoothing above 0", got=smoothing)
        case Numeric():
            if part.needs_statistics and part.column not in statistics.columns:
                raise damaged(
                    "column statistics", expected=f"statistics of {part.column!r}", got="none"
                )
            if isinstance(part.impute, float) and not np.isfinite(part.impute):
                raise damaged("features", expected="a finite number", got=part.impute)


def _check_statistics(statistics: TableStatistics, *, labelled: bool) -> None:
    columns = [*statistics.columns.values(), *([statistics.label] if statistics.label else [])]
    for found in columns:
        numbers = found.mean, found.sd, found.minimum, found.maximum
        if not np.isfinite(numbers).all() or found.sd < 0 or found.minimum > found.maximum:
            raise damaged("column statistics", expected="finite statistics", got=found)
        if found.count < 0 or found.missing < 0:
            raise damaged("column statistics", expected="counts of 0 or more", got=found)
    targets = (statistics.classes is not None) + (statistics.label is not None)
    if targets != labelled:
        raise damaged(
            "column statistics",
            expected="either classes or the label's statistics" if labelled else "no label",
            got=statistics,
        )
    if statistics.classes is not None:
        kinds = {type(each) for each in statistics.classes}
        if len(set(statistics.classes)) < max(len(statistics.classes), 2) or (
            len(kinds) > 1 and not kinds <= {int, float}
        ):
            raise damaged("classes", expected="different ones of one type", got=statistics.classes)
        if class_array(statistics.classes).dtype.hasobject:
            raise damaged("classes", expected="whole numbers of 64 bits", got=statistics.classes)
        counts = statistics.class_counts
        if counts is not None and (len(counts) != len(statistics.classes) or min(counts) < 0):
            raise damaged("class_counts", expected="one for each class", got=counts)
    for name, amount in (("rows", statistics.rows), ("weight", statistics.weight)):
        if amount is not None and not 0 <= amount < np.inf:
            raise damaged(name, expected="0 or more", got=amount)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, (name, *wrong["loc"])))
        raise damaged(place, expected=wrong["msg"], got=wrong["input"]) from error
