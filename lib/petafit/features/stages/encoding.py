"""StringIndexer, OneHotEncoder and Bucketizer, as Spark has fitted them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.encoding.vectors import Entries, sparse_vectors
from petafit.features.stages.rows import coded_texts, doubles, refuse

_KEEP = "Set handleInvalid: keep."


@dataclass(frozen=True)
class IndexStrings:
    """Spark's StringIndexerModel.

    Attributes
    ----------
    labels : tuple of tuple of str
        By column, the values in the order of their indices.
    keep : bool
        Nulls and values that are none of these get the next index; otherwise they are an error.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    keep: bool

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        made = {}
        for source, output, labels in zip(self.inputs, self.outputs, self.labels, strict=True):
            codes, texts = coded_texts(found[source])
            places = pc.index_in(texts, pa.array(labels, pa.string())).fill_null(len(labels))
            table = np.append(places.to_numpy(zero_copy_only=False), len(labels))
            indices = table[codes].astype(np.float64)
            if not self.keep:
                unseen = indices == len(labels)
                what = "a null or a value that no training row has"
                refuse("StringIndexer", unseen, what, column=source, hint=_KEEP)
            made[output] = pa.array(indices)
        return made


@dataclass(frozen=True)
class EncodeOneHot:
    """Spark's OneHotEncoderModel.

    Attributes
    ----------
    categories : tuple of int
        By column, the number of categories that were fitted.
    drop_last, keep : bool
        The last category has no slot; an invalid index is a category more, which is the last one.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    categories: tuple[int, ...]
    drop_last: bool
    keep: bool

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        made = {}
        for source, output, count in zip(self.inputs, self.outputs, self.categories, strict=True):
            indices, is_null = doubles(found[source])
            is_known = (indices >= 0) & (indices < count)
            if not self.keep:
                bad = ~is_known & ~is_null
                refuse("OneHotEncoder", bad, "an unseen index", column=source, hint=_KEEP)
            slots = np.where(is_known, indices, count).astype(np.int64)
            size = count + self.keep - self.drop_last
            rows = np.flatnonzero((slots < size) & ~is_null)
            entries = Entries(rows, slots[rows], np.ones(len(rows)))
            made[output] = sparse_vectors(entries, len(indices), size, ~is_null)
        return made


@dataclass(frozen=True)
class CutIntoBuckets:
    """Spark's Bucketizer, which QuantileDiscretizer fits.

    Attributes
    ----------
    splits : tuple of tuple of float
        By column, the edges of the buckets, the outermost among them.
    keep : bool
        NaN is in a bucket of its own; otherwise it is an error.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    splits: tuple[tuple[float, ...], ...]
    keep: bool

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        made = {}
        for source, output, splits in zip(self.inputs, self.outputs, self.splits, strict=True):
            numbers, is_null = doubles(found[source])
            is_nan = np.isnan(numbers) & ~is_null
            if not self.keep:
                refuse("Bucketizer", is_nan, "NaN", column=source, hint=_KEEP)
            edges = np.array(splits)
            above = np.searchsorted(_ordered(edges), _ordered(numbers), side="right")
            above = np.where(numbers == edges[-1], len(edges) - 1, above)
            outside = ((above == 0) | (above == len(edges))) & ~np.isnan(numbers)
            refuse("Bucketizer", outside, "a number outside of its splits", column=source)
            buckets = np.where(is_nan, len(edges) - 1, above - 1).astype(np.float64)
            made[output] = pa.array(buckets, mask=is_null)
        return made


def _ordered(numbers: np.ndarray) -> np.ndarray:
    """Return integers in the order of Java's Double.compare, in which -0.0 is below 0.0."""
    bits = np.ascontiguousarray(numbers, np.float64).view(np.int64)
    return np.where(bits < 0, bits ^ np.int64(2**63 - 1), bits)
