"""Labels and weights of a batch."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.config.section import Scalar
from petafit.errors import ContractError
from petafit.features.classes import class_labels_of
from petafit.features.columns import is_boolean, is_float, is_number, is_string, value_type
from petafit.features.encoding.numeric import numbers
from petafit.features.unicode_form import hint_of_form, texts_of


def class_labels(column: pa.Array, name: str, form: UnicodeForm | None = None) -> pa.Array:
    """Return the labels as string, boolean, int64, uint64 or float64.

    Parameters
    ----------
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which text labels are normalized.

    Raises
    ------
    ContractError
        A label is missing, of a type that cannot be a class, or has more digits than float64.
    """
    kind = value_type(column.type)
    check_label_type(kind, name, "classes")
    if is_string(kind):
        labels = texts_of(column, form, name)
    elif is_float(kind):
        if pa.types.is_decimal(kind):
            _refuse_rounded(column, name)
        labels = pa.array(numbers(column) + 0.0, from_pandas=True)  # -0.0 is the class 0.0
    elif is_boolean(kind):
        labels = column
    else:
        labels = column.cast(pa.uint64() if kind == pa.uint64() else pa.int64())
    _refuse_missing(labels.null_count, name)
    return labels


def check_label_type(kind: pa.DataType, name: str, wanted: Literal["classes", "number"]) -> None:
    """Refuse a label whose type cannot be a class, or a number.

    Raises
    ------
    ContractError
        Names the column and its type.
    """
    kind = value_type(kind)
    if wanted == "number" and not (is_number(kind) or is_boolean(kind)):
        raise ContractError(
            f"The label {name!r} is not a number",
            got=kind,
            hint="Choose a classifier, or another label.",
        )
    if not (is_string(kind) or is_boolean(kind) or is_number(kind)):
        raise ContractError(
            f"The label {name!r} cannot be a class",
            expected="a string, integer, boolean or number",
            got=kind,
            hint="Cast the column in the table, or choose another label.",
        )


def class_positions(
    column: pa.Array, name: str, classes: Sequence[Scalar], form: UnicodeForm | None = None
) -> np.ndarray:
    """Return the position of each label in `classes`, shape (n_rows,) float64.

    Parameters
    ----------
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        The classes' Unicode form, to which labels are normalized.

    Raises
    ------
    ContractError
        A label is missing or not among the classes.
    """
    labels = class_labels(column, name, form)
    known = class_labels_of(tuple(classes), column.type, labels.type, name)
    positions = pc.index_in(labels, value_set=known)
    if positions.null_count:
        unknown = plain_labels(labels.filter(positions.is_null()).unique(), name)
        raise ContractError(
            f"The label {name!r} has values that are no known class",
            expected=f"one of {list(classes)}",
            got=unknown[:10],
            hint=hint_of_form(unknown, classes)
            or "List all classes under `label.classes`, or train again with these rows.",
        )
    found: np.ndarray = positions.to_numpy().astype(np.float64)
    return found


def plain_labels(labels: pa.Array, name: str) -> list[Scalar]:
    """Return labels as Python values.

    Raises
    ------
    ContractError
        A label is text that is not UTF-8.
    """
    try:
        found: list[Scalar] = labels.to_pylist()
    except UnicodeDecodeError as error:
        raise ContractError(
            f"The label {name!r} holds text that is not UTF-8",
            got=repr(error.object[:40]),
            hint="Write it in UTF-8, or filter such rows.",
        ) from error
    return found


def label_numbers(column: pa.Array, name: str) -> np.ndarray:
    """Return numeric labels, shape (n_rows,) float64.

    Raises
    ------
    ContractError
        A label is missing or not a number.
    """
    check_label_type(column.type, name, "number")
    values = numbers(column)
    _refuse_missing(int(np.isnan(values).sum()), name)
    return values


def row_weights(column: pa.Array, name: str) -> np.ndarray:
    """Return the rows' weights, shape (n_rows,) float64.

    Raises
    ------
    ContractError
        A weight is missing, negative, infinite or not a number.
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


def _refuse_rounded(column: pa.Array, name: str) -> None:
    """Refuse decimals that float64 rounds: two that differ in a 17th digit would be one class."""
    values = column.unique().drop_null()
    rounded = zip(values.to_pylist(), numbers(values).tolist(), strict=True)
    lost = [value for value, number in rounded if Decimal(repr(number)) != value]
    if lost:
        raise ContractError(
            f"The label {name!r} has decimals with too many digits to be classes",
            expected="decimals that float64 represents distinctly",
            got=str(lost[0]),
            hint="Cast the column to text or to a whole number in the table.",
        )


def _refuse_missing(count: int, name: str) -> None:
    if count:
        raise ContractError(
            f"The label {name!r} is missing in {count} rows",
            hint="Filter such rows: `table.filter: '<label> is not null'`.",
        )
