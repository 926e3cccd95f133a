"""Labels and weights of a batch."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.section import Scalar
from petafit.errors import ContractError
from petafit.features.column_types import is_boolean, is_float, is_number, is_string, value_type
from petafit.features.numeric import numbers


def class_labels(column: pa.Array, name: str) -> pa.Array:
    """The labels as string, boolean, int64 or float64.

    Raises
    ------
    ContractError
        A label is missing, or of a type that cannot be a class.
    """
    kind = value_type(column.type)
    if not (is_string(kind) or is_boolean(kind) or is_number(kind)):
        raise ContractError(
            f"The label {name!r} cannot be a class",
            expected="a string, integer, boolean or number",
            got=kind,
        )
    if is_string(kind):
        labels = column.cast(pa.string())
    elif is_float(kind):
        labels = pa.array(numbers(column), from_pandas=True)
    else:
        labels = column if is_boolean(kind) else column.cast(pa.int64())
    _refuse_missing(labels.null_count, name)
    return labels


def class_positions(column: pa.Array, name: str, classes: Sequence[Scalar]) -> np.ndarray:
    """The position of each label in `classes`, shape (n_rows,) float64.

    Raises
    ------
    ContractError
        A label is missing or not among the classes.
    """
    labels = class_labels(column, name)
    positions = pc.index_in(labels, value_set=_as_labels(classes, labels.type, name))
    if positions.null_count:
        unknown = labels.filter(positions.is_null()).unique().to_pylist()
        raise ContractError(
            f"The label {name!r} has values that are no known class",
            expected=f"one of {list(classes)}",
            got=unknown[:10],
            hint="List all classes under `label.classes`, or train again with these rows.",
        )
    found: np.ndarray = positions.to_numpy().astype(np.float64)
    return found


def label_numbers(column: pa.Array, name: str) -> np.ndarray:
    """Labels to predict as numbers, shape (n_rows,) float64.

    Raises
    ------
    ContractError
        A label is missing or no number.
    """
    if not (is_number(column.type) or is_boolean(column.type)):
        raise ContractError(
            f"The label {name!r} is not a number",
            got=column.type,
            hint="Choose a classifier, or another label.",
        )
    values = numbers(column)
    _refuse_missing(int(np.isnan(values).sum()), name)
    return values


def row_weights(column: pa.Array, name: str) -> np.ndarray:
    """The rows' weights, shape (n_rows,) float64.

    Raises
    ------
    ContractError
        A weight is missing, negative, infinite or no number.
    """
    if not is_number(column.type):
        raise ContractError(f"The weight {name!r} is not a number", got=column.type)
    values = numbers(column)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise ContractError(
            f"The weight {name!r} has {bad.sum()} unusable values",
            expected="finite numbers, 0 or more",
            got=float(values[bad][0]),
        )
    return values


def _as_labels(classes: Sequence[Scalar], kind: pa.DataType, name: str) -> pa.Array:
    try:
        return pa.array(classes).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise ContractError(
            f"The label {name!r} is of another type than its classes",
            expected=f"one of {list(classes)}",
            got=kind,
        ) from error


def _refuse_missing(count: int, name: str) -> None:
    if count:
        raise ContractError(
            f"The label {name!r} is missing in {count} rows",
            hint="Filter such rows: `table.filter: '<label> is not null'`.",
        )
