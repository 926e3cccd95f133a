"""Which rows of a table a task trains on, validates on and tests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.settings import Settings
from petafit.table.predicate import Predicate, parse

Part = Literal["all", "train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class KeyShare:
    """The rows whose hashed keys fall into the held-out share, or those whose do not.

    A row is held out by its keys alone: whatever the files, the engine and the order of rows.
    """

    keys: tuple[str, ...]
    share: float
    held_out: bool

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Which rows are meant, (n_rows,)."""
        hashes = np.zeros(batch.num_rows, dtype=np.uint64)
        for key in self.keys:
            hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + _hashes(batch.column(key))
        # pandas mixes its hashes well in all bits; the multiplication moves them upwards.
        uniform = (hashes >> np.uint64(11)).astype(np.float64) / 2.0**53
        return pa.array((uniform < self.share) == self.held_out)


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions, and possibly a share of the keys."""

    predicate: Predicate
    share: KeyShare | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that decide."""
        keys = self.share.keys if self.share else ()
        return tuple(dict.fromkeys((*self.predicate.columns, *keys)))

    def check(self, schema: pa.Schema) -> None:
        """Refuse what a table of this schema cannot decide; raises as `Predicate.check`."""
        self.predicate.check(schema)

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """Which rows are selected, (n_rows,); None where all are."""
        met = self.predicate.mask(batch)
        if self.share is None:
            return met
        shared = self.share.mask(batch)
        return shared if met is None else pc.and_(met, shared)

    def excludes(self, values: Mapping[str, object]) -> bool:
        """Whether no row with these partition values can be selected."""
        return self.predicate.excludes(values)

    def sql(self) -> str:
        """What Spark can decide of it, as its SQL."""
        return self.predicate.sql()


def select(settings: Settings, part: Part) -> Selection:
    """The rows of a part of the task's table."""
    split = settings.split
    conditions = {
        "all": (),
        "train": split.train,
        "validation": split.validation,
        "test": split.test,
    }[part]
    predicate = parse((*settings.table.filter, *conditions))
    if split.test_share is None or part == "all":
        return Selection(predicate)
    return Selection(predicate, KeyShare(settings.keys, split.test_share, part == "test"))


def _hashes(column: pa.Array) -> np.ndarray:
    """One hash for each row's value, (n_rows,) uint64, each distinct value hashed once."""
    if not isinstance(column, pa.DictionaryArray):
        column = column.cast(pa.string()).dictionary_encode()
    texts = pc.fill_null(column.dictionary.cast(pa.string()), "")
    hashes = pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False)
    codes = pc.fill_null(column.indices, len(hashes)).to_numpy(zero_copy_only=False)
    return np.append(hashes, np.uint64(0))[codes]
