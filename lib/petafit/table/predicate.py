"""Which rows count: conditions like ``month <= 9``, on batches, partitions and in Spark SQL."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config import yaml12
from petafit.config.section import Scalar
from petafit.errors import ConfigurationError, ContractError, did_you_mean
from petafit.table.literals import as_sql, as_value, quoted

_COMPARISONS: Mapping[str, Callable[[pa.Array, pa.Scalar], pa.BooleanArray]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_LISTS = ("in", "not in")
_NULLNESS = ("is null", "is not null")
_CONDITION = re.compile(
    r"""\s* (?: `(?P<quoted>[^`]+)` | (?P<plain>[^\s`=!<>]++) )
        (?: \s*(?P<symbol>==|!=|<=|>=|=|<|>)(?![=<>!])
          | \s+(?P<words>not\s+in|in|is\s+not\s+null|is\s+null)\b )
        (?P<value>.*)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


class RowFilter(Protocol):
    """Chooses rows: a `Predicate`, or what is built upon one."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the choice depends on."""

    def check(self, schema: pa.Schema) -> None:
        """Refuse what a table of this schema cannot decide."""

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """Which rows are chosen, (n_rows,), without nulls; None where all of them are."""

    def excludes(self, values: Mapping[str, object]) -> bool:
        """Whether no row with these values of the partition columns can be chosen."""

    def sql(self) -> str:
        """A condition in Spark's SQL that every chosen row meets."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One column compared with literals; a null is undecided, and so does not meet it."""

    column: str
    operator: str
    literals: tuple[Scalar, ...] = ()

    def mask(self, values: pa.Array) -> pa.BooleanArray:
        """Whether each value meets the condition, (n_values,); null where that is undecided.

        Raises
        ------
        ConfigurationError
            A literal is no value of the column's type.
        """
        if self.operator in _NULLNESS:
            return pc.is_null(values) if self.operator == "is null" else pc.is_valid(values)
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

    def sql(self) -> str:
        """The condition in Spark's SQL; the column's type decides how text is compared."""
        column = quoted(self.column)
        if self.operator in _NULLNESS:
            return f"{column} {self.operator.upper()}"
        # Not IN: where Spark is not in ANSI mode, IN compares timestamps as text.
        sign, joint = {"==": ("=", ""), "in": ("=", " OR "), "not in": ("!=", " AND ")}.get(
            self.operator, (self.operator, "")
        )
        comparisons = [f"{column} {sign} {as_sql(literal)}" for literal in self.literals]
        return f"({joint.join(comparisons)})" if len(comparisons) > 1 else comparisons[0]

    def _compare(self, values: pa.Array) -> pa.BooleanArray:
        scalars = [as_value(literal, values.type) for literal in self.literals]
        if self.operator not in _LISTS:
            return _COMPARISONS[self.operator](values, scalars[0])
        found = reduce(pc.or_, (pc.equal(values, scalar) for scalar in scalars))
        return found if self.operator == "in" else pc.invert(found)

    def __str__(self) -> str:
        literals = yaml12.dump(list(self.literals))
        shown = literals if self.operator in _LISTS else literals[1:-1]
        return f"{self.column} {self.operator} {shown}".rstrip()


@dataclass(frozen=True, slots=True)
class Predicate:
    """Conditions that a row must meet, all of them."""

    conditions: tuple[Condition, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared, each once."""
        return tuple(dict.fromkeys(condition.column for condition in self.conditions))

    def check(self, schema: pa.Schema) -> None:
        """Refuse, before any row is read, what a table of this schema cannot decide.

        Raises
        ------
        ContractError
            The table lacks a column.
        ConfigurationError
            A literal is no value of its column's type.
        """
        for condition in self.conditions:
            if condition.column not in schema.names:
                raise ContractError(
                    f"The condition `{condition}` needs a column that the table does not have",
                    hint=did_you_mean(condition.column, schema.names),
                )
        self.mask(pa.RecordBatch.from_pylist([], schema))

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """Which rows meet all conditions, (n_rows,); None where there are no conditions."""
        if not self.conditions:
            return None
        masks = (condition.mask(batch.column(condition.column)) for condition in self.conditions)
        return pc.fill_null(reduce(pc.and_kleene, masks), False)

    def excludes(self, values: Mapping[str, object]) -> bool:
        """Whether no row with these values of the partition columns can meet the conditions."""
        return not all(
            condition.mask(pa.array([values[condition.column]]))[0].as_py()
            for condition in self.conditions
            if condition.column in values
        )

    def sql(self) -> str:
        """All conditions in Spark's SQL; ``true`` where there are none.

        Examples
        --------
        >>> parse(["month <= 9", "origin in [JFK, LGA]"]).sql()
        "`month` <= 9 AND (`origin` = 'JFK' OR `origin` = 'LGA')"
        """
        return " AND ".join(condition.sql() for condition in self.conditions) or "true"


def parse(conditions: Sequence[str]) -> Predicate:
    """Conditions as settings write them: ``column op value``, the value in YAML.

    Operators are ``== = != < <= > >=``, ``in`` and ``not in`` with a list, ``is null`` and
    ``is not null``. A column's name with special characters goes into backticks. Dates and
    timestamps are ISO 8601 text; a timestamp without a zone means UTC.

    Raises
    ------
    ConfigurationError
        A condition that cannot be understood.

    Examples
    --------
    >>> parse(["month <= 9", "carrier not in [UA, AA]"]).columns
    ('month', 'carrier')
    """
    return Predicate(tuple(map(_parse, conditions)))


def _parse(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if not match:
        operators = ", ".join((*_COMPARISONS, *_LISTS, *_NULLNESS))
        raise _not_understood(text, f"`column op value` with op one of {operators}")
    symbol = " ".join((match["symbol"] or match["words"]).lower().split())
    operator = "==" if symbol == "=" else symbol
    value = yaml12.parse(match["value"], source=f"the value of the condition `{text}`")
    return Condition(match["quoted"] or match["plain"], operator, _literals(text, operator, value))


def _literals(text: str, operator: str, value: object) -> tuple[Scalar, ...]:
    if operator in _NULLNESS:
        if value is not None:
            raise _not_understood(text, f"nothing after `{operator}`")
        return ()
    if isinstance(value, list) != (operator in _LISTS) or value == []:
        raise _not_understood(text, "a list like [a, b] after `in`, a single value otherwise")
    literals = tuple(value) if isinstance(value, list) else (value,)
    for literal in literals:
        endless = isinstance(literal, float) and not math.isfinite(literal)
        if endless or not isinstance(literal, Scalar):
            raise _not_understood(text, "text, true, false or a finite number; `is null` for nulls")
    return literals


def _not_understood(text: str, expected: str) -> ConfigurationError:
    return ConfigurationError(f"The condition `{text}` is not understood", expected=expected)
