"""Which rows of a table a task trains on, validates on and tests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.settings import Settings, Split
from petafit.errors import ConfigurationError
from petafit.table.condition import Range
from petafit.table.key_share import KeyShare
from petafit.table.predicate import Predicate, parse

Part = Literal["train", "validation", "test", "score"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions, and possibly a share of the keys.

    Attributes
    ----------
    without : Predicate or None
        Rows that meet these conditions are not selected.
    """

    predicate: Predicate
    share: KeyShare | None = None
    without: Predicate | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that decide."""
        keys = self.share.keys if self.share else ()
        others = self.without.columns if self.without else ()
        return tuple(dict.fromkeys((*self.predicate.columns, *keys, *others)))

    def check(self, schema: pa.Schema) -> None:
        """Refuse what a table of this schema cannot decide; raises as `Predicate.check`."""
        self.predicate.check(schema)
        if self.without:
            self.without.check(schema)
        if self.share:
            self.share.check(schema)

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """Which rows are selected, (n_rows,); None where all are."""
        left_out = self.without.mask(batch) if self.without else None
        masks = (
            self.predicate.mask(batch),
            self.share.mask(batch) if self.share else None,
            None if left_out is None else pc.invert(left_out),
        )
        present = [mask for mask in masks if mask is not None]
        return reduce(pc.and_, present) if present else None

    def excludes(self, values: Mapping[str, object]) -> bool:
        """Whether no row with these partition values can be selected."""
        left_out = self.without is not None and self.without.met_by(values)
        return left_out or self.predicate.excludes(values)

    def excludes_between(self, ranges: Mapping[str, Range]) -> bool:
        """Whether no row whose values lie in these ranges can be selected."""
        left_out = self.without is not None and self.without.covers(ranges)
        return left_out or self.predicate.excludes_between(ranges)

    def sql(self) -> str:
        """What Spark can decide of it, as its SQL."""
        return self.predicate.sql()


def select(settings: Settings, part: Part) -> Selection:
    """The rows of a part of the task's table.

    Training rows are never validation rows too. Rows to score need no label, so that what the
    table's filter asks of it does not count there.

    Raises
    ------
    ConfigurationError
        The task does not say which rows of the table the part has.
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
        parse(split.validation) if split.validation and part == "train" else None,
    )


def _check_said(split: Split, part: Part) -> None:
    """Refuse a part of which nothing is said: it would be all rows, those trained on included.

    A task without any split trains on a whole table, and is tested on a whole one.
    """
    untold = {
        "validation": not split.validation and "`split.validation`",
        "test": split.train and not (split.test or split.test_share) and "`split.test`",
    }.get(part)
    if untold:
        raise ConfigurationError(
            f"The task does not say which rows are for the {part}", hint=f"Set {untold}."
        )
