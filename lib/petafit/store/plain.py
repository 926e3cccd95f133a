"""Portable JSON: no NaN, no numpy types, equal values give equal bytes."""

import json
import math
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from petafit.errors import StorageError

T = TypeVar("T")


def to_json(value: Any) -> bytes:
    """Format a value as JSON with sorted keys, indented by 2.

    numpy's numbers and arrays become plain ones, dates ISO text. NaN and infinities, which JSON
    does not have, become null.

    Raises
    ------
    StorageError
        JSON cannot represent a value.

    Examples
    --------
    >>> to_json({"b": float("nan"), "a": (1, 2)}).decode().split()
    ['{', '"a":', '[', '1,', '2', '],', '"b":', 'null', '}']
    """
    text = json.dumps(_plain(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def from_json(content: bytes | str) -> Any:
    """Parse JSON that may be damaged or malicious.

    Raises
    ------
    ValueError
        It is not JSON, or nested more deeply than Python's parser supports.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("brackets within brackets, too deep to be read") from error


def validated(
    fields: TypeAdapter[T], value: Any, *, damaged: str, hint: str = "", strict: bool = False
) -> T:
    """Return stored JSON as the type that it must have.

    Parameters
    ----------
    fields : TypeAdapter
        Of the type.
    damaged : str
        Names the value in the error, as in ``The manifest of version 3``.
    strict : bool
        Do not convert values.

    Raises
    ------
    StorageError
        A field is missing, or has a wrong value.
    """
    try:
        return fields.validate_python(value, strict=strict)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise StorageError(
            f"{damaged} is damaged",
            got=f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}",
            hint=hint,
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    raise StorageError(
        "A value cannot be stored as JSON", got=f"{value!r} ({type(value).__name__})"
    )
