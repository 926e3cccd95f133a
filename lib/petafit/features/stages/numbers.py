"""Imputer, VectorAssembler, StandardScaler and MinMaxScaler, as Spark has fitted them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from petafit.features.columns import is_vector
from petafit.features.encoding.vectors import Entries, entries_of, sparse_vectors
from petafit.features.stages.rows import doubles, refuse


@dataclass(frozen=True)
class FillMissing:
    """Spark's ImputerModel.

    Attributes
    ----------
    missing : float
        What stands for a missing value beside null.
    surrogates : tuple of float
        By column, what is put in its place.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    missing: float
    surrogates: tuple[float, ...]

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        made = {}
        for source, output, fill in zip(self.inputs, self.outputs, self.surrogates, strict=True):
            numbers, is_null = doubles(found[source])
            absent = np.isnan(numbers) if np.isnan(self.missing) else numbers == self.missing
            filled = np.where(absent | is_null, fill, numbers)
            kind = found[source].type
            made[output] = pa.array(filled).cast(kind, safe=False)
        return made


@dataclass(frozen=True)
class AssembleVector:
    """Spark's VectorAssembler.

    Attributes
    ----------
    sizes : tuple of int
        Slots of each input; 1 for a number.
    keep : bool
        A null or NaN becomes NaN; otherwise it is an error.
    """

    inputs: tuple[str, ...]
    output: str
    sizes: tuple[int, ...]
    keep: bool

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        n_rows, first, parts = len(found[self.inputs[0]]), 0, []
        for name, size in zip(self.inputs, self.sizes, strict=True):
            parts.append(self._entries(found[name], name, size, first))
            first += size
        rows, slots, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(rows, kind="stable")
        entries = Entries(rows[order], slots[order], values[order])
        return {self.output: sparse_vectors(entries, n_rows, first)}

    def _entries(self, column: pa.Array, name: str, size: int, first: int) -> Entries:
        if not is_vector(column.type):
            numbers, _ = doubles(column)
            self._refuse(np.isnan(numbers), name)
            some = np.flatnonzero(numbers)  # NaN is among them
            return Entries(some, np.full(len(some), first), numbers[some])
        entries = entries_of(column, size, name)
        is_null = column.is_null().to_numpy(zero_copy_only=False)
        self._refuse(is_null, name)
        rows = np.concatenate([entries.rows, np.repeat(np.flatnonzero(is_null), size)])
        slots = np.concatenate([entries.slots, np.tile(np.arange(size), is_null.sum())])
        values = np.concatenate([entries.values, np.full(is_null.sum() * size, np.nan)])
        return Entries(rows, slots + first, values)

    def _refuse(self, bad: np.ndarray, name: str) -> None:
        if not self.keep:
            hint = "Fill them by an Imputer, or set handleInvalid: keep."
            refuse("VectorAssembler", bad, "a null or NaN", column=name, hint=hint)


@dataclass(frozen=True)
class StandardizeVector:
    """Spark's StandardScalerModel.

    Attributes
    ----------
    means : tuple of float
        Subtracted from the slots; empty if nothing is.
    factors : tuple of float
        Of the slots; empty if they keep their unit.
    """

    input: str
    output: str
    size: int
    means: tuple[float, ...]
    factors: tuple[float, ...]

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        entries, n_rows = (
            entries_of(found[self.input], self.size, self.input),
            len(found[self.input]),
        )
        if self.means:
            dense = _dense(entries, n_rows, self.size) - np.array(self.means)
            entries = _all_entries(dense)
        if self.factors:
            scaled = entries.values * np.array(self.factors)[entries.slots]
            entries = entries._replace(values=scaled)
        return {self.output: _like(found[self.input], entries, self.size)}


@dataclass(frozen=True)
class RescaleVector:
    """Spark's MinMaxScalerModel.

    Attributes
    ----------
    minima, factors : tuple of float
        By slot, ``(value - minimum) * factor + low``; where the factor is 0, `middle`.
    """

    input: str
    output: str
    minima: tuple[float, ...]
    factors: tuple[float, ...]
    low: float
    middle: float

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        size, n_rows = len(self.minima), len(found[self.input])
        values = _dense(entries_of(found[self.input], size, self.input), n_rows, size)
        factors = np.array(self.factors)
        scaled = (values - np.array(self.minima)) * factors + self.low
        scaled = np.where((factors == 0) & ~np.isnan(values), self.middle, scaled)
        return {self.output: _like(found[self.input], _all_entries(scaled), size)}


def _dense(entries: Entries, n_rows: int, size: int) -> np.ndarray:
    values = np.zeros((n_rows, size))
    values[entries.rows, entries.slots] = entries.values
    return values


def _all_entries(values: np.ndarray) -> Entries:
    rows, slots = np.nonzero(values)  # NaN is among them
    return Entries(rows, slots, values[rows, slots])


def _like(vectors: pa.StructArray, entries: Entries, size: int) -> pa.StructArray:
    """Return vectors that are null where others are."""
    if vectors.null_count:
        there = vectors.is_valid().to_numpy(zero_copy_only=False)
        kept = there[entries.rows]
        entries = Entries(entries.rows[kept], entries.slots[kept], entries.values[kept])
        return sparse_vectors(entries, len(vectors), size, there)
    return sparse_vectors(entries, len(vectors), size)
