"""Rules that columns must satisfy, row by row, with descriptions of violations."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from petafit.table.columns import comparable, legible, missing, one_zero

_SHOWN_LETTERS = 60
_SHOWN_CHOICES = 6


class RowRule(Protocol):
    """A rule on the rows of a table."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""

    def violations(self, rows: pa.RecordBatch) -> Iterator[tuple[pa.BooleanArray, pa.StringArray]]:
        """Yield each violated rule: a mask of rows, (n_rows,), and a description of each violation.

        Rules that all rows satisfy yield nothing, at the cost of one vectorised comparison.
        """


@dataclass(frozen=True, slots=True)
class SomeKey:
    """At least one key has a value: a row without any cannot be assigned by its keys."""

    columns: tuple[str, ...]

    def violations(self, rows: pa.RecordBatch) -> Iterator[tuple[pa.BooleanArray, pa.StringArray]]:
        """Yield violations as `RowRule.violations`."""
        bad = reduce(pc.and_, (missing(rows.column(name)) for name in self.columns))
        count = bad.true_count
        if count:
            named = " and ".join(self.columns)
            are = "is" if len(self.columns) == 1 else "are"
            fault = f"{named} {are} missing, by which `split.test_share` deals the rows"
            yield bad, pa.repeat(pa.scalar(fault), count)


@dataclass(frozen=True, slots=True)
class ValueRule:
    """Constraints on the values of one column.

    Attributes
    ----------
    nullable : bool
        Allow null, and NaN in floating columns; the other constraints ignore both.
    finite : bool
        Refuse infinities; for floating columns only.
    min, max : float or None
        Bounds of a numeric column, both included.
    allowed : pyarrow.Array or None
        The only valid values, in the column's plain type.
    """

    column: str
    nullable: bool = True
    finite: bool = False
    min: float | None = None
    max: float | None = None
    allowed: pa.Array | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether it has no constraint."""
        constraints = (self.min, self.max, self.allowed)
        return (
            self.nullable
            and not self.finite
            and all(constraint is None for constraint in constraints)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The column, alone."""
        return (self.column,)

    def violations(self, rows: pa.RecordBatch) -> Iterator[tuple[pa.BooleanArray, pa.StringArray]]:
        """Yield violations as `RowRule.violations`."""
        values = comparable(rows.column(self.column))
        for bad, fault in self._faults(values):
            bad = bad.fill_null(False)
            if pc.any(bad).as_py():
                yield bad, self._explained(values.filter(bad), fault)

    def _faults(self, values: pa.Array) -> Iterator[tuple[pa.BooleanArray, str]]:
        if not self.nullable:
            yield missing(values), "missing"
        if self.finite:
            yield pc.is_inf(values), "not finite"
        yield from self._out_of_bounds(values)
        if self.allowed is not None:
            others = pc.and_not(_is_none_of(values, self.allowed), missing(values))
            yield others, f"none of {_shown(self.allowed)}"

    def _out_of_bounds(self, values: pa.Array) -> Iterator[tuple[pa.BooleanArray, str]]:
        if self.min is None and self.max is None:
            return
        # A single pass without a cast; comparing integers with a float would cast them all.
        lowest, highest = pc.min_max(values).values()
        if self.min is not None and lowest.is_valid and lowest.as_py() < self.min:
            yield pc.less(values, pa.scalar(self.min)), f"below {self.min:g}"
        if self.max is not None and highest.is_valid and highest.as_py() > self.max:
            yield pc.greater(values, pa.scalar(self.max)), f"above {self.max:g}"

    def _explained(self, values: pa.Array, fault: str) -> pa.StringArray:
        if fault == "missing":
            return pa.repeat(pa.scalar(f"{self.column} is missing"), len(values))
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        shown = pc.utf8_slice_codeunits(legible(values), 0, _SHOWN_LETTERS)
        return pc.binary_join_element_wise(f"{self.column} is ", shown, f", {fault}", "")


def _is_none_of(values: pa.Array, allowed: pa.Array) -> pa.BooleanArray:
    if isinstance(values, pa.DictionaryArray):
        return _is_none_of(values.dictionary, allowed).take(values.indices)
    choices = one_zero(allowed.cast(values.type))
    return pc.invert(pc.is_in(one_zero(values), value_set=choices))


def _shown(allowed: pa.Array) -> str:
    shown = [repr(choice.as_py()) for choice in allowed[:_SHOWN_CHOICES]]
    more = ["..."] if len(allowed) > _SHOWN_CHOICES else []
    return ", ".join(shown + more)
