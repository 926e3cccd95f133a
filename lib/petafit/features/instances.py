"""Instances: encoded rows of a stream for learners, or read from the cache; some are held out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pyarrow as pa

from petafit.config.section import Scalar
from petafit.features.cache import InstanceCache
from petafit.features.encoder import Encoder
from petafit.features.encoding.batch import Batch
from petafit.features.splitmix64 import STEP, splitmix64
from petafit.stream.batches import Source
from petafit.table.contract import Checks, ValidatedBatch


@dataclass(frozen=True)
class MergeHoldout:
    """Selects rows by a hash of their position, so that every retry and round selects the same.

    Attributes
    ----------
    shares : tuple of float
        The share of rows to hold out, for each piece of a shard.
    seed : int
    """

    shares: tuple[float, ...]
    seed: int = 0

    def mask(self, batch: Batch, *, shard: int, piece: int, number: int) -> np.ndarray | None:
        """Return which rows of a piece's batch with this number are held out; None if none is."""
        share, rows = self.shares[piece], int(batch.X.shape[0])
        if not share:
            return None
        start = np.zeros(1, np.uint64)
        for part in (self.seed, shard, piece, number):
            start = splitmix64(start + np.array([part % 2**64], np.uint64) * STEP)
        # The top 53 bits give a number in [0, 1).
        uniform = splitmix64(start + np.arange(rows, dtype=np.uint64) * STEP) >> np.uint64(11)
        chosen = uniform.astype(np.float64) / 2.0**53 < share
        return chosen if chosen.any() else None


@dataclass(frozen=True)
class Encoding:
    """Encodes a shard's raw batches; rows that break the contract are left out.

    Attributes
    ----------
    cache : InstanceCache or None
        Stores encoded pieces of shards for later passes.
    holdout : MergeHoldout or None
        Selects the rows of the merge holdout.
    """

    checks: Checks
    encoder: Encoder
    cache: InstanceCache | None = None
    holdout: MergeHoldout | None = None

    def __call__(
        self, raw: Iterator[pa.RecordBatch], *, shard: int, piece: int = 0, skip: int = 0
    ) -> Iterator[Batch]:
        """Return the encoded batches of a piece of a shard.

        Parameters
        ----------
        raw : iterator of pyarrow.RecordBatch
            The batches of the piece after the first `skip`; not read where they are cached.
        """
        encoded = self._encoded(raw, shard, piece, skip)
        if self.holdout is None:
            return encoded
        return (
            replace(
                batch, holdout=self.holdout.mask(batch, shard=shard, piece=piece, number=number)
            )
            for number, batch in enumerate(encoded, start=skip)
        )

    def _encoded(
        self, raw: Iterator[pa.RecordBatch], shard: int, piece: int, skip: int
    ) -> Iterator[Batch]:
        kept = self.cache.find(shard, piece) if self.cache else None
        if kept is not None:
            return islice(kept, skip, None)
        encoded = map(self._encode, raw)
        return self.cache.keep(shard, piece, encoded) if self.cache and not skip else encoded

    def _encode(self, raw: pa.RecordBatch) -> Batch:
        good, _, quarantined, example = self.checks.validate(raw)
        batch = self.encoder(raw.slice(0, 0) if good is None else good)
        return replace(batch, quarantined=quarantined, example=example) if quarantined else batch


class EncodedRows:
    """Validator of batches whose rows were checked during encoding."""

    def validate(self, batch: Batch) -> ValidatedBatch:
        """Return the batch, unless it is empty, and how many rows were left out before."""
        rows = batch.X.shape[0]
        return ValidatedBatch(batch if rows else None, rows, batch.quarantined, batch.example)


@dataclass(frozen=True)
class Instances:
    """Encoded rows in shards, the same in every pass.

    Attributes
    ----------
    source : Source
        The raw rows, from a frozen plan.
    encoding : Encoding
    """

    source: Source
    encoding: Encoding

    @property
    def shards(self) -> int:
        """Number of shards."""
        return self.source.shards

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self.encoding.encoder.n_features

    @property
    def classes(self) -> tuple[Scalar, ...] | None:
        """Classes to which the numbers in y refer; None if the label is a number."""
        return self.encoding.encoder.statistics.classes

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of all shards, one shard after the other."""
        for shard in range(self.shards):
            yield from self.shard(shard)

    def shard(self, number: int) -> Iterator[Batch]:
        """Yield the batches of one shard that have rows."""
        encoded = self.encoding(self.source.read(number), shard=number)
        return (batch for batch in encoded if batch.X.shape[0])
