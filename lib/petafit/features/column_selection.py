"""Selection of columns by name, by glob or by type."""

import fnmatch
from dataclasses import dataclass

import pyarrow as pa

from petafit.errors import ConfigurationError, did_you_mean
from petafit.features.column_types import SELECTABLE
from petafit.table.types import has_column

_TYPE = "type:"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a declaration may select.

    Attributes
    ----------
    schema : pyarrow.Schema
    label : str
        Never a feature: it would leak the target.
    hidden : frozenset of str
        Label, weight, keys and pandas' index, which no pattern selects.
    """

    schema: pa.Schema
    label: str
    hidden: frozenset[str]

    @property
    def open(self) -> tuple[str, ...]:
        """The columns that a pattern can select."""
        return tuple(name for name in self.schema.names if name not in self.hidden)

    def select(self, selector: str) -> tuple[str, ...]:
        """Return the columns selected by a name, a glob or ``type:…``, in the table's order.

        Raises
        ------
        ConfigurationError
            An unknown column or type, a pattern without a match, or the label.
        """
        if not self.is_pattern(selector):
            return (self.named(selector),)
        matches = self._of_type(selector) if selector.startswith(_TYPE) else self._like(selector)
        if not matches:
            raise ConfigurationError(
                f"`features:` selects {selector!r}, which matches no column",
                hint=f"The columns are {', '.join(map(repr, self.open))}.",
            )
        return matches

    def is_pattern(self, selector: str) -> bool:
        if has_column(self.schema, selector):
            return False
        return selector.startswith(_TYPE) or any(sign in selector for sign in "*?[")

    def named(self, name: str) -> str:
        """Return a column by its name."""
        if name == self.label:
            raise ConfigurationError(
                f"The label {name!r} cannot be a feature: it would leak the target",
                hint="Remove it from `features:`.",
            )
        if not has_column(self.schema, name):
            raise ConfigurationError(
                f"`features:` names {name!r}, which is not a column of the table",
                hint=did_you_mean(name, self.open),
            )
        return name

    def _like(self, glob: str) -> tuple[str, ...]:
        exact = tuple(name for name in self.open if fnmatch.fnmatchcase(name, glob))
        if exact:
            return exact
        return tuple(n for n in self.open if fnmatch.fnmatchcase(n.lower(), glob.lower()))

    def _of_type(self, selector: str) -> tuple[str, ...]:
        kind = selector.removeprefix(_TYPE).strip()
        if kind not in SELECTABLE:
            raise ConfigurationError(
                f"`features:` selects {selector!r}, and {kind!r} is not a type",
                hint=did_you_mean(kind, SELECTABLE),
            )
        fits = SELECTABLE[kind]
        return tuple(name for name in self.open if fits(self.schema.field(name).type))
