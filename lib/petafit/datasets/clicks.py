"""A click log of any size, generated: Criteo's shape, a hidden model, a known best log-loss."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from petafit.datasets.click_columns import Times
from petafit.datasets.click_model import BIAS, INTEGERS, INTERACTIONS, STRINGS
from petafit.table import types

PROBABILITY = "probability"
"""The column with the hidden probability of a click; it is not part of the table."""


@dataclass(frozen=True)
class Clicks:
    """The click log as a source of batches.

    A row depends on its place, the seed, and the number of rows and days; never on the shards.

    Parameters
    ----------
    rows : int
        In the order of days.
    days : int
        Each has the same number of rows, give or take one.
    block_rows : int
        Rows of a batch, which has a random stream of its own.
    """

    rows: int
    days: int = 10
    seed: int = 1
    shards: int = 1
    block_rows: int = 1 << 16

    frozen = True
    pieces = range(1)

    @property
    def identity(self) -> str:
        """Return a digest, equal for sources that give the same rows in the same batches."""
        return repr(self)

    @property
    def schema(self) -> pa.Schema:
        """Return the schema of every batch: the table's columns, then `PROBABILITY`."""
        return pa.schema(
            [
                ("day", pa.int32()),
                ("click", pa.int8()),
                *((column.name, pa.int32()) for column in INTEGERS),
                *((column.name, types.STRINGS) for column in STRINGS),
                (PROBABILITY, pa.float64()),
            ]
        )

    @property
    def table_schema(self) -> pa.Schema:
        """Return the schema of the table: all but the hidden column, strings plain."""
        return types.table_schema(self.schema.remove(len(self.schema) - 1))

    def read(self, shard: int, *, piece: int = 0, skip: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield a shard's batches after the first `skip`: a run of consecutive blocks."""
        blocks = -(-self.rows // self.block_rows)
        start, stop = (blocks * place // self.shards for place in (shard, shard + 1))
        for block in range(start + skip, stop):
            yield self._block(block)

    def _block(self, block: int) -> pa.RecordBatch:
        start = block * self.block_rows
        place = np.arange(start, min(start + self.block_rows, self.rows))
        times = Times.of(place * self.days // self.rows)
        rng = np.random.default_rng([self.seed, block])
        drawn = {column.name: column.draw(rng, times, self.seed) for column in INTEGERS + STRINGS}
        logit = sum((column.logit for column in drawn.values()), start=np.full(len(place), BIAS))
        for left, right, effect in INTERACTIONS:
            logit += effect * drawn[left].factor * drawn[right].factor
        probability = 1 / (1 + np.exp(-logit))
        click = rng.random(len(place)) < probability
        return pa.RecordBatch.from_arrays(
            [
                pa.array(times.day, pa.int32()),
                pa.array(click.view(np.int8)),
                *(column.array for column in drawn.values()),
                pa.array(probability),
            ],
            schema=self.schema,
        )
