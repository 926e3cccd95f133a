"""Assignment of feature indices."""

from collections.abc import Sequence

import numpy as np

from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import Feature, Numeric


class IndexSpace:
    """Hashed indices first, then a separate one for each number: numbers never collide.

    If all features are numbers there are no hashed indices, and X has only their columns.

    Parameters
    ----------
    features : sequence of Feature
    hash_bits : int
        There are ``2**hash_bits`` hashed indices.
    numbers_apart : bool
        False hashes numbers by their names, as in models published before version 2 of the encoder.

    Attributes
    ----------
    n_hashed, size : int
        The number of hashed indices, and of all.
    numbers : ndarray of int32, shape (n_numeric,)
        The index of each numeric feature, in their order.
    """

    def __init__(
        self, features: Sequence[Feature], hash_bits: int, *, numbers_apart: bool = True
    ) -> None:
        names = [feature.name for feature in features if isinstance(feature, Numeric)]
        if numbers_apart:
            self.n_hashed = 0 if len(names) == len(features) else 1 << hash_bits
            self.numbers = np.arange(self.n_hashed, self.n_hashed + len(names), dtype=np.int32)
            self.size = self.n_hashed + len(names)
        else:
            self.n_hashed = self.size = 1 << hash_bits
            self.numbers = np.array([feature_index(name, hash_bits) for name in names], np.int32)
