"""The rows of a worker's shards, as XGBoost reads them: several times, batch by batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost

from petafit.aggregate.merging import read_ahead
from petafit.aggregate.pass_files import Reference
from petafit.features.cache import InstanceCache
from petafit.features.encoder import Encoder
from petafit.features.encoding.batch import Batch
from petafit.learners.xgboost.categories import CategoryStatistics, folds_of, labelled
from petafit.learners.xgboost.matrix import MatrixEncoder, fold_means
from petafit.stream.batches import Counted, Source, Tally
from petafit.table.contract import Checks


@dataclass(frozen=True)
class TreeRows:
    """Rows of a table, in shards that are read anew in every pass.

    Attributes
    ----------
    encoder : Encoder
        Gives labels and weights.
    categories : Reference
        Stored `CategoryStatistics`.
    of_training : bool
        They are the rows that the statistics were computed of: each row's own label is left out of
        its mean labels.
    cache : InstanceCache or None
        Keeps the encoded rows for the next pass.
    """

    source: Source
    checks: Checks
    encoder: Encoder
    categories: Reference
    of_training: bool
    cache: InstanceCache | None = None

    def reader(self) -> "RowReader":
        """Return a reader, which a worker uses for all its shards and passes."""
        return RowReader(self)


class RowReader:
    """Encodes the rows of shards.

    Attributes
    ----------
    matrix : MatrixEncoder
    """

    def __init__(self, rows: TreeRows) -> None:
        statistics = CategoryStatistics.from_state_dict(rows.categories.load())
        self.matrix = MatrixEncoder.of(rows.encoder, statistics)
        self._rows = rows
        self._means = fold_means(statistics) if rows.of_training else None

    def read(self, shard: int, tally: Tally) -> Iterator[Batch]:
        """Yield the batches of a shard; none is empty.

        Parameters
        ----------
        tally : Tally
            Counts the rows that are read, unless they come from the cache.
        """
        cache = self._rows.cache
        if cache is None:
            return self._encoded(shard, tally)
        return cache.find(shard, 0) or cache.keep(shard, 0, self._encoded(shard, tally))

    def _encoded(self, shard: int, tally: Tally) -> Iterator[Batch]:
        rows, first = self._rows, 0
        counted: dict[str, Any] = {"tally": tally} if isinstance(rows.source, Counted) else {}
        for raw in rows.source.read(shard, **counted):
            good = rows.checks.validate(raw).good
            if good is None:
                continue
            batch, labels, weights = labelled(rows.encoder, good)
            if not batch.num_rows:
                continue
            folds = None if self._means is None else folds_of(first, batch.num_rows)
            first += batch.num_rows
            X = self.matrix(batch, self._means, folds)
            yield Batch(X, labels, None if rows.encoder.weight is None else weights)


class MatrixRows(xgboost.DataIter):  # type: ignore[misc]  # without types
    """Some shards as XGBoost's iterator.

    Parameters
    ----------
    reader : RowReader
    shards : sequence of int
    beat : callable
        Takes the number of rows read in this pass.
    cache_prefix : str, optional
        Where external memory is kept.

    Attributes
    ----------
    rows : int
        Rows of one pass.
    tally : Tally
        All rows that were read in the first pass, before any are cached.
    """

    def __init__(
        self,
        reader: RowReader,
        shards: range,
        beat: Callable[[int], None],
        cache_prefix: str | None = None,
    ) -> None:
        super().__init__(cache_prefix=cache_prefix)
        self._reader, self._shards, self._beat = reader, shards, beat
        self.rows, self.tally = 0, Tally()
        self._batches: Iterator[Batch] = iter(())
        self._read_now, self._begun = 0, False

    def reset(self) -> None:
        """Begin another pass."""
        tally = Tally() if self.rows else self.tally
        self._batches = read_ahead(self._read(tally))
        self._read_now, self._begun = 0, False

    def next(self, input_data: Callable[..., None]) -> bool:
        """Pass the next batch to XGBoost; False without any."""
        matrix = self._reader.matrix
        batch = next(self._batches, None)
        if batch is None and self._begun:
            return False
        if batch is None:  # a worker without rows takes part, too
            batch = Batch(np.empty((0, len(matrix.names)), np.float32), np.empty(0))
        self._begun = True
        input_data(
            data=batch.X,
            label=batch.y,
            weight=batch.weight,
            feature_names=matrix.names,
            feature_types=matrix.types,
        )
        self._read_now += batch.num_rows
        self.rows = max(self.rows, self._read_now)
        self._beat(self.rows)
        return True

    def _read(self, tally: Tally) -> Iterator[Batch]:
        for shard in self._shards:
            yield from self._reader.read(shard, tally)
