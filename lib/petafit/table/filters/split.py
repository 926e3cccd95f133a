"""Selection of the rows that a task trains on, validates on and tests on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.settings import Settings, Split
from petafit.errors import ConfigurationError
from petafit.table.filters.condition import Condition, ValueRange
from petafit.table.filters.predicate import Predicate, parse
from petafit.table.key_share import KeyShare

Part = Literal["train", "validation", "test", "score"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions, and optionally a share of the keys.

    Attributes
    ----------
    without : tuple of Predicate
        Rows that satisfy one of these predicates are not selected.
    """

    predicate: Predicate
    share: KeyShare | None = None
    without: tuple[Predicate, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns on which the selection depends."""
        keys = self.share.keys if self.share else ()
        others = (name for each in self.without for name in each.columns)
        return tuple(dict.fromkeys((*self.predicate.columns, *keys, *others)))

    def check(self, schema: pa.Schema) -> None:
        """Refuse conditions that a table of this schema cannot evaluate; as `Predicate.check`."""
        for conditions in (self.predicate, *self.without):
            conditions.check(schema)
        if self.share:
            self.share.check(schema)

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """Return which rows are selected, (n_rows,); None if all are."""
        masks = (
            self.predicate.mask(batch),
            self.share.mask(batch) if self.share else None,
            *(pc.invert(each.mask(batch)) for each in self.without),
        )
        present = [mask for mask in masks if mask is not None]
        return reduce(pc.and_, present) if present else None

    def excludes(self, values: Mapping[str, object]) -> bool:
        """Return whether no row with these partition values can be selected."""
        left_out = any(each.met_by(values) for each in self.without)
        return left_out or self.predicate.excludes(values)

    def excludes_between(self, ranges: Mapping[str, ValueRange]) -> bool:
        """Return whether no row with values in these ranges can be selected."""
        left_out = any(each.covers(ranges) for each in self.without)
        return left_out or self.predicate.excludes_between(ranges)

    def sql(self) -> str:
        """Return the part of the selection that Spark can evaluate, in Spark SQL."""
        return self.predicate.sql()


def select(settings: Settings, part: Part) -> Selection:
    """Return the selection of a part of the task's table.

    Training and validation rows are disjoint, and rows of weight 0 are in no part, whatever their
    other values. Missing or negative weights are left to the contract. Rows to score need no label,
    so the table filter's conditions on it are ignored for them.

    Raises
    ------
    ConfigurationError
        The task does not define the part's rows.
    """
    split, filter = settings.split, parse(settings.table.filter)
    if part == "score":
        unlabelled = (c for c in filter.conditions if c.column != settings.label.column)
        return Selection(Predicate(tuple(unlabelled)))
    _check_said(settings.split, part)
    chosen = parse({"train": split.train, "validation": split.validation, "test": split.test}[part])
    return Selection(
        Predicate((*filter.conditions, *chosen.conditions)),
        KeyShare(settings.keys, split.test_share, part == "test") if split.test_share else None,
        tuple(_left_out(settings, part)),
    )


def _left_out(settings: Settings, part: Part) -> Iterator[Predicate]:
    if settings.split.validation and part == "train":
        yield parse(settings.split.validation)
    if settings.weight is not None:
        yield Predicate((Condition(settings.weight, "==", (0,)),))


def _check_said(split: Split, part: Part) -> None:
    """Refuse an undefined part: it would be all rows, including training rows.

    A task without any split trains on a whole table, and tests on a whole one.
    """
    untold = {
        "validation": not split.validation and "`split.validation`",
        "test": split.train and not (split.test or split.test_share) and "`split.test`",
    }.get(part)
    if untold:
        raise ConfigurationError(
            f"The task does not say which rows are for the {part}", hint=f"Set {untold}."
        )
