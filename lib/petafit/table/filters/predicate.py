"""Row predicates: conditions like ``month <= 9``, on batches, partitions and in Spark SQL."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config import yaml12
from petafit.config.section import Scalar
from petafit.errors import ConfigurationError, ContractError, did_you_mean
from petafit.table.columns import has_column
from petafit.table.filters.condition import COMPARISONS, LISTS, NULLNESS, Condition, ValueRange

_CONDITION = re.compile(
    r"""\s* (?: `(?P<quoted>[^`]+)` | (?P<plain>[^\s`=!<>]++) )
        (?: \s*(?P<symbol>==|!=|<=|>=|=|<|>)(?![=<>!])
          | \s+(?P<words>not\s+in|in|is\s+not\s+null|is\s+null)\b )
        (?P<value>.*)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


class RowFilter(Protocol):
    """Selects rows: a `Predicate`, or a filter built on one."""

    def __hash__(self) -> int: ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the selection depends on."""

    def check(self, schema: pa.Schema) -> None:
        """Refuse conditions that a table of this schema cannot evaluate."""

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """Return which rows are selected, (n_rows,), without nulls; None if all are."""

    def excludes(self, values: Mapping[str, object]) -> bool:
        """Return whether no row with these partition values can be selected."""

    def excludes_between(self, ranges: Mapping[str, ValueRange]) -> bool:
        """Return whether no row with values in these ranges can be selected."""

    def sql(self) -> str:
        """Return a condition in Spark SQL that every selected row satisfies."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A conjunction of conditions on a row."""

    conditions: tuple[Condition, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared, each once."""
        return tuple(dict.fromkeys(condition.column for condition in self.conditions))

    def check(self, schema: pa.Schema) -> None:
        """Refuse, before any row is read, conditions that a table of this schema cannot evaluate.

        Raises
        ------
        ContractError
            The table lacks a column.
        ConfigurationError
            A literal is not a value of its column's type.
        """
        for condition in self.conditions:
            if not has_column(schema, condition.column):
                raise ContractError(
                    f"The condition `{condition}` needs a column that the table does not have",
                    hint=did_you_mean(condition.column, schema.names),
                )
        self.mask(pa.RecordBatch.from_pylist([], schema))

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """Return which rows satisfy all conditions, (n_rows,); None without conditions."""
        if not self.conditions:
            return None
        masks = (condition.mask(batch.column(condition.column)) for condition in self.conditions)
        return pc.fill_null(reduce(pc.and_kleene, masks), False)

    def excludes(self, values: Mapping[str, object]) -> bool:
        """Return whether no row with these partition values can satisfy the conditions."""
        return not all(
            condition.mask(pa.array([values[condition.column]]))[0].as_py()
            for condition in self.conditions
            if condition.column in values
        )

    def met_by(self, values: Mapping[str, object]) -> bool:
        """Return whether every row with these partition values satisfies the conditions."""
        return all(
            condition.column in values
            and condition.mask(pa.array([values[condition.column]]))[0].as_py() is True
            for condition in self.conditions
        )

    def excludes_between(self, ranges: Mapping[str, ValueRange]) -> bool:
        """Return whether no row with values in these ranges can satisfy the conditions."""
        return not all(
            condition.may_hold(ranges[condition.column])
            for condition in self.conditions
            if condition.column in ranges
        )

    def covers(self, ranges: Mapping[str, ValueRange]) -> bool:
        """Return whether every row with values in these ranges satisfies the conditions."""
        return all(
            condition.column in ranges and condition.must_hold(ranges[condition.column])
            for condition in self.conditions
        )

    def sql(self) -> str:
        """Return all conditions in Spark SQL; ``true`` without any.

        Examples
        --------
        >>> parse(["month <= 9", "origin in [JFK, LGA]"]).sql()
        "`month` <= 9 AND (`origin` = 'JFK' OR `origin` = 'LGA')"
        """
        return " AND ".join(condition.sql() for condition in self.conditions) or "true"


def parse(conditions: Sequence[str]) -> Predicate:
    """Parse conditions from settings: ``column op value``, the value in YAML.

    Operators are ``== = != < <= > >=``, ``in`` and ``not in`` with a list, ``is null`` and
    ``is not null``. A column's name with special characters goes into backticks. Dates and
    timestamps are ISO 8601 text; a timestamp without a zone means UTC. Null is missing, and so is
    NaN in floating columns: ``is null`` holds for both, and no comparison does.

    Raises
    ------
    ConfigurationError
        A condition that cannot be parsed.

    Examples
    --------
    >>> parse(["month <= 9", "carrier not in [UA, AA]"]).columns
    ('month', 'carrier')
    """
    return Predicate(tuple(map(_parse, conditions)))


def _parse(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if not match:
        operators = ", ".join((*COMPARISONS, *LISTS, *NULLNESS))
        raise _not_understood(text, f"`column op value` with op one of {operators}")
    symbol = " ".join((match["symbol"] or match["words"]).lower().split())
    operator = "==" if symbol == "=" else symbol
    value = yaml12.parse(match["value"], source=f"the value of the condition `{text}`")
    return Condition(match["quoted"] or match["plain"], operator, _literals(text, operator, value))


def _literals(text: str, operator: str, value: object) -> tuple[Scalar, ...]:
    if operator in NULLNESS:
        if value is not None:
            raise _not_understood(text, f"nothing after `{operator}`")
        return ()
    if isinstance(value, list) != (operator in LISTS) or value == []:
        raise _not_understood(text, "a list like [a, b] after `in`, a single value otherwise")
    literals = tuple(value) if isinstance(value, list) else (value,)
    for literal in literals:
        endless = isinstance(literal, float) and not math.isfinite(literal)
        if endless or not isinstance(literal, Scalar):
            raise _not_understood(text, "text, true, false or a finite number; `is null` for nulls")
    return literals


def _not_understood(text: str, expected: str) -> ConfigurationError:
    return ConfigurationError(f"The condition `{text}` is not understood", expected=expected)
