"""Instances: the rows of a stream as a learner takes them, decoded and encoded, or found again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import pyarrow as pa

from petafit.aggregate.shard_task import Read
from petafit.config.section import Scalar
from petafit.features.cache.batches import InstanceCache
from petafit.features.encoder import Encoder
from petafit.features.encoding.batch import Batch
from petafit.features.merge_holdout import MergeHoldout
from petafit.stream.batches import Source
from petafit.table.contract import Checks, ValidatedBatch


@dataclass(frozen=True)
class Encoding:
    """Makes encoded batches of a shard's raw ones; rows that break the contract are left out.

    Attributes
    ----------
    cache : InstanceCache or None
        Keeps what was encoded, for the next time a piece of a shard is read.
    reserve : MergeHoldout or None
        Which rows are put aside.
    """

    checks: Checks
    encoder: Encoder
    cache: InstanceCache | None = None
    reserve: MergeHoldout | None = None

    def __call__(self, read: Read, *, shard: int, piece: int = 0) -> "partial[Iterator[Batch]]":
        """Reads the encoded batches of a piece of a shard."""
        return partial(self._read, read, shard, piece)

    def _read(self, read: Read, shard: int, piece: int, *, skip: int) -> Iterator[Batch]:
        encoded = self._encoded(read, shard, piece, skip=skip)
        if self.reserve is None:
            return encoded
        return (
            replace(
                batch, reserved=self.reserve.mask(batch, shard=shard, piece=piece, number=number)
            )
            for number, batch in enumerate(encoded, start=skip)
        )

    def _encoded(self, read: Read, shard: int, piece: int, *, skip: int) -> Iterator[Batch]:
        if self.cache is None:
            return map(self._encode, read(skip=skip))
        kept = self.cache.find(shard, piece)
        if kept is not None:
            return islice(kept, skip, None)
        encoded = map(self._encode, read(skip=skip))
        return encoded if skip else self.cache.keep(shard, piece, encoded)

    def _encode(self, raw: pa.RecordBatch) -> Batch:
        good, _, quarantined, example = self.checks.validate(raw)
        batch = self.encoder(raw.slice(0, 0) if good is None else good)
        return replace(batch, quarantined=quarantined, example=example) if quarantined else batch


class EncodedRows:
    """The validator of batches that were checked when they were encoded."""

    def validate(self, batch: Batch) -> ValidatedBatch:
        """The batch, unless it has no row; and how many rows were left out before."""
        rows = batch.X.shape[0]
        return ValidatedBatch(batch if rows else None, rows, batch.quarantined, batch.example)


@dataclass(frozen=True)
class Instances:
    """Encoded rows in shards, always the same.

    Attributes
    ----------
    source : Source
        The raw rows; frozen.
    encoding : Encoding
    """

    source: Source
    encoding: Encoding

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self.source.shards

    @property
    def n_features(self) -> int:
        """The number of columns of X."""
        return self.encoding.encoder.n_features

    @property
    def classes(self) -> tuple[Scalar, ...] | None:
        """What the numbers in y stand for; None where the label is a number."""
        return self.encoding.encoder.statistics.classes

    def __iter__(self) -> Iterator[Batch]:
        """The batches of all shards, one shard after the other."""
        for shard in range(self.shards):
            yield from self.shard(shard)

    def shard(self, number: int) -> Iterator[Batch]:
        """The batches of one shard that have rows."""
        read = self.encoding(partial(self.source.read, number), shard=number)
        return (batch for batch in read(skip=0) if batch.X.shape[0])
