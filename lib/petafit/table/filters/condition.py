"""Comparison of a column with literals: on values, on ranges of values, and in Spark SQL."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config import yaml12
from petafit.config.section import Scalar
from petafit.errors import ConfigurationError
from petafit.table.columns import comparable, missing
from petafit.table.filters.literals import as_sql, as_value, quoted

COMPARISONS: Mapping[str, Callable[[pa.Array, pa.Scalar], pa.BooleanArray]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_PLAIN = re.compile(r"[^\s`=!<>]+")
LISTS = ("in", "not in")
NULLNESS = ("is null", "is not null")
_HOLD_FOR_EQUALS = ("==", "in", "<=", ">=")


class ValueRange(NamedTuple):
    """Bounds on some values of a column.

    Attributes
    ----------
    least, greatest : pyarrow.Array of one value
    nulls : bool
        There may be nulls or NaN among them, which satisfy no comparison.
    """

    least: pa.Array
    greatest: pa.Array
    nulls: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one column with literals.

    For a missing value, null or NaN, every comparison is undecided.
    """

    column: str
    operator: str
    literals: tuple[Scalar, ...] = ()

    def mask(self, values: pa.Array) -> pa.BooleanArray:
        """Evaluate the condition for each value, (n_values,); null where it is undecided.

        Raises
        ------
        ConfigurationError
            A literal is not a value of the column's type.
        """
        if self.operator in NULLNESS:
            absent = missing(values)
            return absent if self.operator == "is null" else pc.invert(absent)
        if isinstance(values, pa.DictionaryArray):
            if len(values.dictionary) <= len(values):
                return self.mask(values.dictionary).take(values.indices)
            values = values.dictionary_decode()
        if pa.types.is_null(values.type):
            return pa.nulls(len(values), pa.bool_())
        try:
            return self._compare(values)
        except (TypeError, ValueError, ArithmeticError, pa.ArrowException) as error:
            raise ConfigurationError(
                f"The condition `{self}` does not fit the column {self.column!r}",
                expected=f"an operator and a value for the type {values.type}",
                got=str(error),
                hint="Digits that are meant as text go into quotes; dates look like 2013-10-01.",
            ) from error

    def may_hold(self, values: ValueRange) -> bool:
        """Return whether any value of a range can satisfy the condition."""
        match self.operator:
            case "<" | "<=":
                return self._holds(values.least)
            case ">" | ">=":
                return self._holds(values.greatest)
            case "==" | "in":
                return any(
                    Condition(self.column, "<=", (literal,))._holds(values.least)
                    and Condition(self.column, ">=", (literal,))._holds(values.greatest)
                    for literal in self.literals
                )
        return True

    def must_hold(self, values: ValueRange) -> bool:
        """Return whether every value of a range satisfies the condition."""
        if values.nulls:
            return False
        match self.operator:
            case "<" | "<=":
                return self._holds(values.greatest)
            case ">" | ">=":
                return self._holds(values.least)
            case "==" | "in":
                return values.least.equals(values.greatest) and self._holds(values.least)
        return False

    def _holds(self, value: pa.Array) -> bool:
        return self.mask(value)[0].as_py() is True

    def sql(self) -> str:
        """Return the condition in Spark SQL; the column's type decides how text is compared."""
        column = quoted(self.column)
        if self.operator == "is null":
            # Of any type: workers evaluate the condition again, so a text 'NaN' does no harm.
            return f"({column} IS NULL OR CAST({column} AS STRING) = 'NaN')"
        if self.operator == "is not null":
            return f"{column} IS NOT NULL"
        # Not IN: unless Spark is in ANSI mode, IN compares timestamps as text.
        sign, joint = {"==": ("=", ""), "in": ("=", " OR "), "not in": ("!=", " AND ")}.get(
            self.operator, (self.operator, "")
        )
        comparisons = [f"{column} {sign} {as_sql(literal)}" for literal in self.literals]
        if self.operator in _HOLD_FOR_EQUALS and any(map(_is_zero, self.literals)):
            # Spark's Parquet reader skips files for a literal 0.0 if they hold only -0.0. It does
            # not push down a sum.
            joint = " OR "
            comparisons.append(f"{column} + 0.0D = 0.0D")
        return f"({joint.join(comparisons)})" if len(comparisons) > 1 else comparisons[0]

    def _compare(self, values: pa.Array) -> pa.BooleanArray:
        values = comparable(values)
        scalars = [as_value(literal, values.type) for literal in self.literals]
        if self.operator in LISTS:
            found = reduce(pc.or_, (pc.equal(values, scalar) for scalar in scalars))
            found = found if self.operator == "in" else pc.invert(found)
        else:
            found = COMPARISONS[self.operator](values, scalars[0])
        if self.operator in ("!=", "not in") and pa.types.is_floating(values.type):
            return pc.and_not(found, missing(values))
        return found

    def __str__(self) -> str:
        """Return the condition as written in settings."""
        literals = yaml12.dump(list(self.literals))
        shown = literals if self.operator in LISTS else literals[1:-1]
        column = self.column if _PLAIN.fullmatch(self.column) else f"`{self.column}`"
        return f"{column} {self.operator} {shown}".rstrip()


def _is_zero(literal: Scalar) -> bool:
    return isinstance(literal, int | float) and not isinstance(literal, bool) and literal == 0
