"""The data contract: required columns and types, and the rows that violate it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.settings import ColumnRule, Contract
from petafit.errors import ContractError, did_you_mean
from petafit.table.columns import canonical, has_column
from petafit.table.filters.literals import as_value
from petafit.table.rules import RowRule, SomeKey, ValueRule

_IS = pa.types
_NUMBER = "a number"


class ValidatedBatch(NamedTuple):
    """Result of checking a batch's rows.

    Attributes
    ----------
    good : batch or None
        The rows that meet the contract; None if there are none.
    rows, quarantined : int
        Number of rows that meet the contract, and of those that do not.
    example : str or None
        Why one of the latter violates it.
    """

    good: Any
    rows: int
    quarantined: int = 0
    example: str | None = None


@dataclass(frozen=True)
class Checks:
    """A contract compiled for one table: finds invalid rows of a batch, with reasons.

    Attributes
    ----------
    rules : tuple of RowRule
        In the order in which they are applied.
    """

    rules: tuple[RowRule, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the checks read."""
        return tuple(dict.fromkeys(chain.from_iterable(rule.columns for rule in self.rules)))

    def within(self, columns: Collection[str]) -> "Checks":
        """Return the checks that read these columns only."""
        known = set(columns)
        return Checks(tuple(rule for rule in self.rules if known.issuperset(rule.columns)))

    def reasons(self, batch: pa.RecordBatch) -> pa.StringArray | None:
        """Return why rows are invalid.

        Returns
        -------
        StringArray of shape (n_rows,) or None
            The first rule that a row violates, null for a valid row; None if all rows are valid.
        """
        reasons: pa.StringArray | None = None
        for rule in self.rules:
            for bad, texts in rule.violations(batch):
                if reasons is None:
                    reasons = pa.nulls(batch.num_rows, pa.string())
                texts = pc.replace_with_mask(reasons, bad, texts)
                reasons = pc.coalesce(reasons, texts)
        return reasons

    def split(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
        """Return the valid rows, and the number of invalid ones."""
        reasons = self.reasons(batch)
        if reasons is None:
            return batch, 0
        return batch.filter(pc.is_null(reasons)), len(reasons) - reasons.null_count

    def validate(self, batch: pa.RecordBatch) -> ValidatedBatch:
        """Return the valid rows, and an example of why others are invalid."""
        reasons = self.reasons(batch)
        if reasons is None:
            return ValidatedBatch(batch, batch.num_rows)
        good = batch.filter(pc.is_null(reasons))
        bad = batch.num_rows - good.num_rows
        return ValidatedBatch(
            good if good.num_rows else None, good.num_rows, bad, pc.min(reasons).as_py()
        )


def compile_checks(
    contract: Contract,
    schema: pa.Schema,
    *,
    required: Collection[str] = (),
    finite: Collection[str] = (),
    non_negative: Collection[str] = (),
    dealt_by: Collection[str] = (),
) -> Checks:
    """Check a table's schema against a contract, and compile the checks of its rows.

    Parameters
    ----------
    contract : Contract
        The task's own rules, applied first and in their order.
    schema : pyarrow.Schema
        The table's columns.
    required, finite, non_negative : collection of str
        Columns that a job needs without nulls and NaN, without infinities, and without negatives.
    dealt_by : collection of str
        Keys whose hash splits the rows: at least one of them must have a value.

    Raises
    ------
    ContractError
        A column is missing or of a type that cannot meet its rule.
    """
    names = dict.fromkeys([*contract.columns, *required, *finite, *non_negative])
    required, finite, non_negative = set(required), set(finite), set(non_negative)
    numbers = finite | non_negative
    rules: list[RowRule] = [SomeKey(tuple(dealt_by))] if dealt_by else []
    for name in names:
        declared = contract.columns.get(name, ColumnRule())
        kind = _type_of(name, schema)
        _check_type(name, kind, declared.type)
        if declared.min is not None or declared.max is not None or name in numbers:
            _check_number(name, kind)
        rule = ValueRule(
            column=name,
            nullable=declared.nullable and name not in required,
            finite=name in finite and _IS.is_floating(kind),
            min=max(declared.min or 0.0, 0.0) if name in non_negative else declared.min,
            max=declared.max,
            allowed=_allowed(name, kind, declared),
        )
        if not rule.is_empty:
            rules.append(rule)
    return Checks(tuple(rules))


def check_schema(schema: pa.Schema, expected: pa.Schema) -> None:
    """Refuse rows that lack an expected column or have it with another kind of type.

    Bit widths and the encoding of strings are ignored, and integers may replace floats.

    Raises
    ------
    ContractError
        Names the first column that is missing or of another kind.
    """
    for field in expected:
        kind = _type_of(field.name, schema)
        if not _IS.is_null(kind) and not _stands_for(kind, canonical(field.type)):
            raise ContractError(
                f"The column {field.name!r} has another type",
                expected=field.type,
                got=kind,
                hint="Cast the column to the type expected.",
            )


def _type_of(name: str, schema: pa.Schema) -> pa.DataType:
    if not has_column(schema, name):
        raise ContractError(
            f"The table has no column {name!r}", hint=did_you_mean(name, schema.names)
        )
    return canonical(schema.field(name).type)


def _check_type(name: str, kind: pa.DataType, declared: str | None) -> None:
    if declared is not None and declared != str(kind) and _alias(declared) != kind:
        raise ContractError(
            f"The column {name!r} has another type than the contract says",
            expected=declared,
            got=kind,
            hint=f"Correct `contract.columns.{name}.type`, or cast the column.",
        )


def _alias(name: str) -> pa.DataType | None:
    """Return the type with this short name, such as float64 for double."""
    try:
        return canonical(pa.type_for_alias(name))
    except ValueError:
        return None


def _check_number(name: str, kind: pa.DataType) -> None:
    if not (_is_number(kind) or _IS.is_null(kind)):
        raise ContractError(
            f"The column {name!r} must be numeric",
            expected=_NUMBER,
            got=kind,
            hint="Cast the column, or correct the setting that asks for a number.",
        )


def _allowed(name: str, kind: pa.DataType, declared: ColumnRule) -> pa.Array | None:
    if declared.allowed is None:
        return None
    try:
        values = [as_value(choice, kind).as_py() for choice in declared.allowed]
        return pa.array(values, kind)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ContractError(
            f"The contract allows values the column {name!r} cannot hold",
            expected=f"values of type {kind}",
            got=list(declared.allowed),
            hint=f"Correct `contract.columns.{name}.allowed`.",
        ) from error


def _is_number(kind: pa.DataType) -> bool:
    return bool(_IS.is_integer(kind) or _IS.is_floating(kind) or _IS.is_decimal(kind))


def _is_real(kind: pa.DataType) -> bool:
    return bool(_IS.is_floating(kind) or _IS.is_decimal(kind))


_SAME_KIND: tuple[Callable[[pa.DataType], bool], ...] = (
    _IS.is_integer,
    _is_real,
    _IS.is_date,
    _IS.is_timestamp,
)


def _stands_for(kind: pa.DataType, expected: pa.DataType) -> bool:
    if kind == expected or (_is_real(expected) and _is_number(kind)):
        return True
    return any(is_kind(kind) and is_kind(expected) for is_kind in _SAME_KIND)
