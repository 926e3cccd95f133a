"""Rows for training, validation, testing and scoring: by conditions, or by a hash of their keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.settings import Settings, Split
from petafit.errors import ConfigurationError, ContractError, did_you_mean
from petafit.table.columns import canonical, has_column, missing, one_zero
from petafit.table.filters.condition import Condition, ValueRange
from petafit.table.filters.predicate import Predicate, parse

Part = Literal["train", "validation", "test", "score"]
_IS = pa.types

_HASHED: tuple[Callable[[pa.DataType], bool], ...] = (
    _IS.is_string,
    _IS.is_binary,
    _IS.is_boolean,
    _IS.is_integer,
    _IS.is_floating,
    _IS.is_decimal,
    _IS.is_date,
    _IS.is_time,
    _IS.is_timestamp,
    _IS.is_null,
)
"""Types whose values have a unique text or byte representation."""


@dataclass(frozen=True, slots=True)
class KeyShare:
    """The rows whose hashed keys fall into the held-out share, or all others.

    A row is held out by its keys alone. One whose keys are all null or NaN never is: the contract
    leaves such rows out of training (`petafit.table.rules.SomeKey`).
    """

    keys: tuple[str, ...]
    share: float
    held_out: bool

    def check(self, schema: pa.Schema) -> None:
        """Refuse, before any row is read, keys that cannot split a table's rows.

        Raises
        ------
        ContractError
            The table lacks a key.
        ConfigurationError
            A key's type cannot be hashed.
        """
        for key in self.keys:
            if not has_column(schema, key):
                raise ContractError(
                    f"The table has no column {key!r}, named in `keys`",
                    hint=did_you_mean(key, schema.names),
                )
            kind = canonical(schema.field(key).type)
            if not any(fits(kind) for fits in _HASHED):
                raise ConfigurationError(
                    f"The key {key!r} cannot deal rows by `split.test_share`",
                    expected="text, bytes, a boolean, a number, a date or a time",
                    got=kind,
                    hint="Name other `keys`, or divide the rows by `split.train` and `split.test`.",
                )

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Return which rows are selected, (n_rows,)."""
        # pandas' hash mixes the low bits well; the multiplication moves them upwards.
        uniform = (key_hashes(batch, self.keys) >> np.uint64(11)).astype(np.float64) / 2.0**53
        columns = (batch.column(key) for key in self.keys)
        nameless = reduce(pc.and_, map(missing, columns)).to_numpy(zero_copy_only=False)
        return pa.array(((uniform < self.share) & ~nameless) == self.held_out)


def key_hashes(batch: pa.RecordBatch, keys: Sequence[str]) -> np.ndarray:
    """Return a hash of each row's keys, (n_rows,) uint64."""
    hashes = np.zeros(batch.num_rows, dtype=np.uint64)
    for key in keys:
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + _hashes(batch.column(key))
    return hashes


def _hashes(column: pa.Array) -> np.ndarray:
    """Return a hash of each row's value, (n_rows,) uint64, hashing each distinct value once.

    Values are hashed as the bytes of their text, which need not be UTF-8.
    """
    if not isinstance(column, pa.DictionaryArray):
        column = _as_bytes(column).dictionary_encode()
    content = pc.fill_null(_as_bytes(column.dictionary), b"")
    hashes = pd.util.hash_array(content.to_numpy(zero_copy_only=False), categorize=False)
    codes = pc.fill_null(column.indices, len(hashes)).to_numpy(zero_copy_only=False)
    return np.append(hashes, np.uint64(0))[codes]


def _as_bytes(values: pa.Array) -> pa.Array:
    values = one_zero(values)
    if not _IS.is_binary(values.type):
        values = values.cast(pa.string())
    return values.cast(pa.binary())


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
    missing_settings = {
        "validation": not split.validation and "`split.validation`",
        "test": split.train and not (split.test or split.test_share) and "`split.test`",
    }.get(part)
    if missing_settings:
        raise ConfigurationError(
            f"The task does not say which rows are for the {part}", hint=f"Set {missing_settings}."
        )
