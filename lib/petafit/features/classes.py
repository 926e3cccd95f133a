"""The classes of a label, as given in settings, and as values of its column."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import UnicodeForm
from petafit.config.section import Scalar
from petafit.errors import ContractError
from petafit.features.columns import is_boolean, is_float, is_integer, is_string, value_type
from petafit.features.unicode_form import normalized

_WHOLE = re.compile(r"0|-?[1-9]\d*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_BOOLEANS = {"true": True, "false": False}
_MOST_SIGNED = 2**63 - 1


def as_classes(
    given: Sequence[Scalar], kind: pa.DataType, label: str, form: UnicodeForm | None = None
) -> tuple[Scalar, ...]:
    """Convert classes given in settings to values of the label's column.

    Text may stand for a number or a boolean, and a whole number for text, if it denotes exactly one
    value of the column's type. A class that equals its value is not converted.

    Parameters
    ----------
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which text classes are normalized.

    Raises
    ------
    ContractError
        A class is not a value of this type, or two are the same.

    Examples
    --------
    >>> as_classes(["0", "1"], pa.int64(), "click")
    (0, 1)
    >>> as_classes([0, 1], pa.string(), "click")
    ('0', '1')
    """
    values = _values(tuple(given), kind, label)
    if form and is_string(kind):
        values = normalized(pa.array(values, pa.string()), form, label).to_pylist()
    if len(set(values)) < len(values):
        raise ContractError(
            f"Two classes of the label {label!r} are the same value",
            expected=f"different values of type {value_type(kind)}",
            got=list(given),
            hint="Correct `label.classes`.",
        )
    return tuple(
        choice if choice == value else value for choice, value in zip(given, values, strict=True)
    )


@lru_cache(maxsize=64)
def class_labels_of(
    given: tuple[Scalar, ...], kind: pa.DataType, plain: pa.DataType, label: str
) -> pa.Array:
    """Convert classes to the plain type in which a column's values are looked up; same errors."""
    return pa.array(_values(given, kind, label), plain)


def class_array(classes: Sequence[Scalar]) -> np.ndarray:
    """Return classes as an array of their own type, (n_classes,): numpy would round large integers.

    Examples
    --------
    >>> class_array([7, 2**63 + 5])
    array([                  7, 9223372036854775813], dtype=uint64)
    """
    whole = all(type(choice) is int for choice in classes)
    large = whole and max(map(int, classes)) > _MOST_SIGNED
    return np.asarray(classes, np.uint64 if large else None)


def _values(given: tuple[Scalar, ...], kind: pa.DataType, label: str) -> list[Scalar]:
    values = [_value(choice, value_type(kind)) for choice in given]
    for choice, value in zip(given, values, strict=True):
        if value is None:
            raise ContractError(
                f"The label {label!r} has a different type than its classes",
                expected=f"values of type {value_type(kind)}",
                got=repr(choice),
                hint="Correct `label.classes`.",
            )
    return [value for value in values if value is not None]


def _value(choice: Scalar, kind: pa.DataType) -> Scalar | None:
    """Return the only value of a type that a class may stand for; None if there is none."""
    if is_string(kind):
        return str(choice) if isinstance(choice, str) or type(choice) is int else None
    if is_boolean(kind):
        found = _BOOLEANS.get(choice) if isinstance(choice, str) else choice
        return bool(found) if found in (0, 1) else None
    if is_integer(kind):
        return _whole(choice, kind)
    return _fraction(choice, kind) if is_float(kind) else None


def _whole(choice: Scalar, kind: pa.DataType) -> int | None:
    if isinstance(choice, str) and not _WHOLE.fullmatch(choice):
        return None
    if isinstance(choice, float) and not choice.is_integer():
        return None
    try:
        return int(pa.scalar(int(choice), kind).as_py())
    except (pa.ArrowInvalid, OverflowError):
        return None  # out of the type's range


def _fraction(choice: Scalar, kind: pa.DataType) -> float | None:
    if isinstance(choice, str) and not _NUMBER.fullmatch(choice):
        return None
    if not np.isfinite(float(choice)):
        return None
    number = float(Decimal(choice)) if isinstance(choice, str) else float(choice)
    if not pa.types.is_decimal(kind):
        number = float(pa.scalar(number, pa.float64()).cast(kind).as_py())
    return number + 0.0  # -0.0 is 0.0
