"""HashingTF and FeatureHasher of Spark."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from petafit.features.encoding.hashing import indices_of_texts
from petafit.features.encoding.vectors import Entries, sparse_vectors
from petafit.features.stages.rows import coded_texts, doubles, refuse

_ALL_BITS = 32


@dataclass(frozen=True)
class HashTerms:
    """Spark's HashingTF: the number of times that each term occurs, or 1."""

    input: str
    output: str
    size: int
    binary: bool

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        terms = found[self.input]
        refuse(
            "HashingTF", terms.is_null().to_numpy(zero_copy_only=False), "a null", column=self.input
        )
        rows = np.repeat(
            np.arange(len(terms)), terms.value_lengths().to_numpy(zero_copy_only=False)
        )
        codes, texts = coded_texts(terms.flatten())
        slots = _slots("", texts, self.size)[codes]
        entries = _added_up(rows, slots, np.ones(len(rows)), self.size)
        if self.binary:
            entries = entries._replace(values=np.ones(len(entries.values)))
        return {self.output: sparse_vectors(entries, len(terms), self.size)}


@dataclass(frozen=True)
class HashColumns:
    """Spark's FeatureHasher.

    Attributes
    ----------
    real : tuple of bool
        By column, whether it is a number whose value is taken, not a category.
    """

    inputs: tuple[str, ...]
    output: str
    size: int
    real: tuple[bool, ...]

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        parts = []
        for name, is_real in zip(self.inputs, self.real, strict=True):
            if is_real:
                numbers, is_null = doubles(found[name])
                rows = np.flatnonzero(~is_null)
                slot = _slots("", pa.array([name]), self.size)[0]
                parts.append((rows, np.full(len(rows), slot), numbers[rows]))
            else:
                codes, texts = coded_texts(found[name])
                rows = np.flatnonzero(codes >= 0)
                slots = _slots(f"{name}=", texts, self.size)[codes[rows]]
                parts.append((rows, slots, np.ones(len(rows))))
        rows, slots, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        entries = _added_up(rows, slots, values, self.size)
        return {self.output: sparse_vectors(entries, len(found[self.inputs[0]]), self.size)}


def _slots(prefix: str, texts: pa.StringArray, size: int) -> np.ndarray:
    """Return the slot of each text: the signed hash, modulo the size."""
    hashes = indices_of_texts(prefix, texts.fill_null(""), _ALL_BITS)
    return hashes.astype(np.int64) % size


def _added_up(rows: np.ndarray, slots: np.ndarray, values: np.ndarray, size: int) -> Entries:
    """Return one entry for each slot of a row, in order."""
    keys, places = np.unique(rows.astype(np.int64) * size + slots, return_inverse=True)
    sums = np.zeros(len(keys))
    np.add.at(sums, places, values)
    return Entries(keys // size, keys % size, sums)
