"""Columns of the click log: the distribution of values, and their effect on the logit."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import pyarrow as pa

from petafit.features.splitmix64 import splitmix64

SLOT_DAYS = 20
"""Number of days for which a value of a `MovingColumn` keeps its rank."""

DRIFT = 0.04
"""Rotation of every weight in radians a day: after 10 days .92 of it is left, and .39 is new."""
_HEX4 = np.frombuffer("".join(f"{i:04x}" for i in range(1 << 16)).encode(), dtype=np.uint32)

# The mean and the deviation of the sum of four uniform 16-bit integers.
_SUM_MEAN = 2.0 * 65535
_SUM_DEVIATION = float(np.sqrt(4 * (65536.0**2 - 1) / 12))


def permute32(keys: np.ndarray) -> np.ndarray:
    """Apply Murmur3's finaliser, a permutation of 32-bit integers: keys stay distinct."""
    mixed = keys.astype(np.uint32)
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return mixed ^ (mixed >> np.uint32(16))


def normals(keys: np.ndarray, *, stream: int) -> np.ndarray:
    """Return a standard normal number for each key, (n,) float64; another one in every stream.

    The sum of four uniform numbers (Irwin and Hall) is near enough to a normal one, and needs no
    logarithm.
    """
    start = splitmix64(np.array([stream], dtype=np.uint64))
    bits = splitmix64(keys ^ start)
    parts = bits.view(np.uint16).reshape(-1, 4)
    return np.asarray((parts.sum(axis=1, dtype=np.int64) - _SUM_MEAN) / _SUM_DEVIATION)


def hexadecimal(values: np.ndarray) -> pa.StringArray:
    """Format each 32-bit integer as eight hexadecimal digits.

    Examples
    --------
    >>> hexadecimal(np.array([0, 48879], dtype=np.uint32)).to_pylist()
    ['00000000', '0000beef']
    """
    letters = np.empty((len(values), 2), dtype=np.uint32)
    letters[:, 0] = _HEX4[values >> np.uint32(16)]
    letters[:, 1] = _HEX4[values & np.uint32(0xFFFF)]
    offsets = np.arange(0, 8 * len(values) + 1, 8, dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(letters))


@dataclass(frozen=True)
class Times:
    """Times of some rows.

    Attributes
    ----------
    day : ndarray of shape (n_rows,)
    near, far : ndarray of shape (n_rows,)
        The shares that a value's first and second weight have on that day.
    """

    day: np.ndarray
    near: np.ndarray
    far: np.ndarray

    @classmethod
    def of(cls, day: np.ndarray) -> Self:
        """Return the times of rows on these days."""
        angle = DRIFT * np.arange(day[0], day[-1] + 1)
        return cls(day, np.cos(angle)[day - day[0]], np.sin(angle)[day - day[0]])


@dataclass(frozen=True)
class Drawn:
    """The values of one column in some rows.

    Attributes
    ----------
    array : pyarrow.Array of shape (n_rows,)
    logit : ndarray of shape (n_rows,)
        Their effect on the logit; 0 where they are missing.
    factor : ndarray of shape (n_rows,)
        Factor of interactions; 0 where the value is missing, and in columns without any.
    """

    array: pa.Array
    logit: np.ndarray
    factor: np.ndarray | float = 0.0


@dataclass(frozen=True, slots=True)
class IntegerColumn:
    """Counts: log-normal, rounded down.

    Attributes
    ----------
    centre, spread : float
        Mean and deviation of the logarithm.
    missing : float
        Share of nulls.
    effect, phase : float
        Amplitude and phase of a count's effect on the logit.
    lowest : int
        Added to every count.
    """

    name: str
    centre: float
    spread: float
    missing: float
    effect: float
    phase: float
    lowest: int = 0

    def draw(self, rng: np.random.Generator, times: Times, seed: int) -> Drawn:
        """Draw values; they add a wave over their logarithm, which no straight line fits."""
        rows = len(times.day)
        counts = np.floor(np.exp(self.centre + self.spread * rng.standard_normal(rows)))
        missing = rng.random(rows) < self.missing
        level = (np.log1p(counts) - self.centre) / self.spread
        logit = np.where(missing, 0.0, self.effect * np.sin(1.5 * level + self.phase))
        values = np.minimum(counts, 2e9).astype(np.int32) + np.int32(self.lowest)
        return Drawn(pa.array(values, mask=missing), logit)


@dataclass(frozen=True, slots=True)
class StringColumn:
    """Categories by Zipf's law: the k-th most popular has a share of about 1 / k.

    Attributes
    ----------
    number : int
        Distinguishes the columns' random streams.
    distinct : int
        Number of values at a time.
    missing : float
        Share of nulls.
    effect : float
        Standard deviation of a value's effect on the logit.
    """

    name: str
    number: int
    distinct: int
    missing: float
    effect: float

    def _ranks(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """Draw ranks of popularity from 0, (rows,) int64: their density falls as 1 / (rank + 1)."""
        ranks = np.exp(rng.random(rows) * np.log(self.distinct + 1)).astype(np.int64) - 1
        return np.asarray(np.minimum(ranks, self.distinct - 1))

    def _salt(self, seed: int) -> np.ndarray:
        """Return one 64-bit integer for each column and seed, (1,)."""
        return splitmix64(np.array([64 * seed + self.number], dtype=np.uint64))

    def _values(self, identities: np.ndarray, seed: int) -> np.ndarray:
        """Return the 32-bit value of each identity, (n,) uint32; they are distinct."""
        return permute32(identities.astype(np.uint32) + self._salt(seed).astype(np.uint32))

    def _keys(self, values: np.ndarray, seed: int) -> np.ndarray:
        """Return the keys from which weights are derived, (n,) uint64."""
        return np.asarray(values.astype(np.uint64) ^ self._salt(seed))


class StaticColumn(StringColumn):
    """A column with a fixed set of values."""

    def draw(self, rng: np.random.Generator, times: Times, seed: int) -> Drawn:
        """Draw values by their ranks."""
        known = _static_values(self, seed)
        ranks = self._ranks(rng, len(times.day))
        missing = rng.random(len(ranks)) < self.missing
        turned = known.near[ranks] * times.near + known.far[ranks] * times.far
        codes = pa.array(ranks.astype(np.int32), mask=missing)
        return Drawn(
            pa.DictionaryArray.from_arrays(codes, known.texts),
            np.where(missing, 0.0, self.effect * turned),
            np.where(missing, 0.0, known.factor[ranks]),
        )


class MovingColumn(StringColumn):
    """A column with up to millions of values at a time, and new ones every day."""

    def draw(self, rng: np.random.Generator, times: Times, seed: int) -> Drawn:
        """Draw values by the holder of each rank on the day."""
        ranks = self._ranks(rng, len(times.day))
        missing = rng.random(len(ranks)) < self.missing
        identities, codes = np.unique(self._holders(ranks, times.day), return_inverse=True)
        values = self._values(identities, seed)
        keys = self._keys(values, seed)
        near, far = normals(keys, stream=1)[codes], normals(keys, stream=2)[codes]
        turned = near * times.near + far * times.far
        return Drawn(
            pa.DictionaryArray.from_arrays(
                pa.array(codes.astype(np.int32), mask=missing), hexadecimal(values)
            ),
            np.where(missing, 0.0, self.effect * turned),
        )

    def _holders(self, ranks: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the identity that holds each rank, (rows,) int64.

        Every `SLOT_DAYS` a rank passes to a new value, each rank on its own day: new values arrive
        every day, among the popular and the rare alike.
        """
        turn = (day + ranks % SLOT_DAYS) // SLOT_DAYS
        return np.asarray(ranks + self.distinct * turn)


@dataclass(frozen=True)
class _StaticValues:
    """All values of a column with their numbers, by rank.

    Weighted by popularity each number has mean 0 and variance 1, and the weights are uncorrelated:
    so neither the seed nor the day moves the share of clicks.
    """

    texts: pa.StringArray
    near: np.ndarray
    far: np.ndarray
    factor: np.ndarray


@lru_cache(maxsize=64)
def _static_values(column: StaticColumn, seed: int) -> _StaticValues:
    values = column._values(np.arange(column.distinct), seed)
    keys = column._keys(values, seed)
    shares = np.log1p(1 / np.arange(1, column.distinct + 1)) / np.log(column.distinct + 1)
    near = _standardised(normals(keys, stream=1), shares)
    far = normals(keys, stream=2)
    far = _standardised(far - (shares * near * far).sum() * near, shares)
    factor = _standardised(normals(keys, stream=3), shares)
    return _StaticValues(hexadecimal(values), near, far, factor)


def _standardised(numbers: np.ndarray, shares: np.ndarray) -> np.ndarray:
    centred = numbers - (shares * numbers).sum()
    return np.asarray(centred / np.sqrt((shares * centred**2).sum()))
