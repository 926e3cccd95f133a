"""Texts and vectors of a batch with the origin of each entry."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import UnicodeForm
from petafit.features.encoding.csr import Ragged
from petafit.features.encoding.hashing import IndexSpace
from petafit.features.encoding.origins import traced
from petafit.features.encoding.vectors import VectorBlock
from petafit.features.feature import Feature, Text, Vector
from petafit.features.text.ngrams import TextBlock


class TracedRows:
    """Encodes each text and each vector on its own, so that entries are known by feature.

    Parameters
    ----------
    features : sequence of Feature
    hash_bits, unicode
        As in `petafit.features.encoder.Encoder`.
    space : IndexSpace
    """

    def __init__(
        self,
        features: Sequence[Feature],
        hash_bits: int,
        unicode: UnicodeForm | None,
        space: IndexSpace,
    ) -> None:
        self._texts = [
            (at, TextBlock((feature,), hash_bits, unicode))
            for at, feature in enumerate(features)
            if isinstance(feature, Text)
        ]
        vectors = [(at, each) for at, each in enumerate(features) if isinstance(each, Vector)]
        self._vectors = [
            (at, VectorBlock((feature,), (first,)))
            for (at, feature), first in zip(vectors, space.vectors, strict=True)
        ]

    def encode(self, batch: pa.RecordBatch, dtype: Any) -> tuple[Ragged | None, np.ndarray]:
        """Return the entries, texts first, and the origin of each, (nnz,) uint16."""
        found = [(block.encode(batch), at) for at, block in self._texts]
        found += [(block.encode(batch, dtype), at) for at, block in self._vectors]
        parts = [(rows, at) for rows, at in found if rows is not None]
        return traced(parts, batch.num_rows)
