"""The different ids of users and items in a table, which a pass before the training finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from petafit.aggregate.aggregator import Aggregator
from petafit.errors import ConfigurationError
from petafit.features.encoding.target import row_weights
from petafit.learners.mllib.ids import IdTable, decoded, stored_type
from petafit.store.arrays import StateDict

_FRESH = 1 << 16
"""The number of new ids that are kept unsorted at least."""


@dataclass
class SeenIds:
    """The ids that a shard has seen so far: sorted ones, and those of the last batches."""

    known: IdTable
    fresh: list[pa.Array] = field(default_factory=list)

    def add(self, column: pa.Array) -> None:
        """Take in a batch; sorts when as many are new as are known, so that each is sorted once."""
        self.fresh.append(decoded(pc.unique(column)))
        if sum(map(len, self.fresh)) > max(len(self.known), _FRESH):
            self.known, self.fresh = self.all(), []

    def all(self) -> IdTable:
        """Return all of them."""
        if not self.fresh:
            return self.known
        return IdTable.of([self.known.ids, *self.fresh], self.known.ids.type)


class DistinctIds(Aggregator[dict[str, SeenIds], pa.RecordBatch, dict[str, IdTable]]):
    """The different ids in some columns of rows that have weight; exact.

    Parameters
    ----------
    columns : sequence of str
    schema : pyarrow.Schema
        Of the rows; has these columns with types of ids.
    most : int
        The largest number of ids in all columns together.
    weight : str, optional
        The column of the rows' weights.
    """

    def __init__(
        self,
        columns: Sequence[str],
        schema: pa.Schema,
        *,
        most: int,
        weight: str | None = None,
    ) -> None:
        self.kinds = {name: stored_type(schema.field(name).type) for name in columns}
        self.most, self.weight = most, weight

    def start(self, model: StateDict | None = None) -> dict[str, SeenIds]:
        return {name: SeenIds(IdTable.of([], kind)) for name, kind in self.kinds.items()}

    def reduce(self, state: dict[str, SeenIds], batch: pa.RecordBatch) -> dict[str, SeenIds]:
        if self.weight is not None:
            weight = row_weights(batch.column(self.weight), self.weight)
            batch = batch.filter(pa.array(weight != 0))
        for name, seen in state.items():
            seen.add(batch.column(name))
        self._refuse_many([seen.known for seen in state.values()])
        return state

    def lift(self, state: dict[str, SeenIds]) -> StateDict:
        return _joined({name: seen.all() for name, seen in state.items()})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        """Unite two summaries.

        Raises
        ------
        ConfigurationError
            There are more ids than a model can have.
        """
        ours, theirs = self._tables(left), self._tables(right)
        united = {
            name: IdTable.of([ours[name].ids, theirs[name].ids], kind)
            for name, kind in self.kinds.items()
        }
        self._refuse_many([*united.values()])
        return _joined(united)

    def finish(self, summary: StateDict, model: StateDict | None = None) -> dict[str, IdTable]:
        return self._tables(summary)

    def dump(self, state: dict[str, SeenIds]) -> StateDict:
        return self.lift(state)

    def load(self, dumped: StateDict) -> dict[str, SeenIds]:
        return {name: SeenIds(table) for name, table in self._tables(dumped).items()}

    def _tables(self, summary: StateDict) -> dict[str, IdTable]:
        return {name: IdTable.from_state_dict(summary.part(name)) for name in self.kinds}

    def _refuse_many(self, tables: Sequence[IdTable]) -> None:
        found = sum(map(len, tables))
        if found > self.most:
            raise ConfigurationError(
                f"The factors of all ids in {' and '.join(map(repr, self.kinds))} would not fit "
                "into the workers' memory",
                expected=f"at most {self.most:,} different ids",
                got=f"{found:,} or more",
                hint="Lower `learner.params.rank`, or leave out ids of few rows in `prepare`.",
            )


def _joined(tables: dict[str, IdTable]) -> StateDict:
    joined = StateDict()
    for name, table in tables.items():
        joined = joined | table.to_state_dict().prefixed(name)
    return joined
