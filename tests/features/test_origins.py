"""A tracing encoder encodes as any other, and names the feature of every entry."""

import numpy as np

from petafit.features.encoder import Encoder
from petafit.features.feature import Numeric
from tests.racing.rows import batches, encoder


def test_rows_are_those_of_an_encoder_that_does_not_trace() -> None:
    for batch in batches():
        traced, plain = encoder()(batch), encoder(tracing=False)(batch)
        for name in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(traced.X, name), getattr(plain.X, name))
        assert plain.origins is None
        assert traced.origins is not None
        assert (traced.origins.dtype, len(traced.origins)) == (np.uint16, traced.X.nnz)


def test_the_entries_of_a_feature_are_those_that_it_has_alone() -> None:
    whole, (batch, *_) = encoder(), batches()
    encoded = whole(batch)
    assert encoded.origins is not None
    rows = np.repeat(np.arange(encoded.X.shape[0]), np.diff(encoded.X.indptr))
    numbers = 0
    for position, feature in enumerate(whole.features):
        alone = Encoder((feature,), whole.statistics, hash_bits=10)(batch, labels=False).X
        own = encoded.origins == position
        np.testing.assert_array_equal(np.bincount(rows[own], minlength=500), np.diff(alone.indptr))
        np.testing.assert_array_equal(encoded.X.data[own], alone.data)
        if isinstance(feature, Numeric):
            assert set(encoded.X.indices[own]) == {1024 + numbers}
            numbers += 1
        else:
            np.testing.assert_array_equal(encoded.X.indices[own], alone.indices)
