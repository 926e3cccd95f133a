"""Layouts of the encoder's matrix: sparse, dense, and the indices of numbers."""

import numpy as np
import pyarrow as pa
import pytest

from petafit.errors import ConfigurationError
from petafit.features.encoder import Encoder
from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import (
    Categorical,
    Numeric,
)
from petafit.store.arrays import StateDict
from tests.features.rows import BITS, NUMBERS, ROW, STATISTICS, encoder, expected_row, record_batch


def test_a_dense_layout_sums_colliding_values():
    rows = record_batch([ROW, {**ROW, "s": None}])
    dense = encoder(layout="dense", dtype="float64")(rows).X
    assert isinstance(dense, np.ndarray)
    assert dense.dtype == np.float64
    np.testing.assert_allclose(dense, [expected_row(ROW), expected_row({**ROW, "s": None})])


def test_sparse_rows_are_float32_with_32_bit_indices():
    X = encoder()(record_batch([ROW])).X
    assert (X.format, X.shape) == ("csr", (1, (1 << BITS) + 2))
    assert (X.data.dtype, X.indices.dtype, X.indptr.dtype) == (np.float32, np.int32, np.int32)
    assert encoder(dtype="float64")(record_batch([ROW])).X.data.dtype == np.float64


def test_numbers_never_collide():
    """784 pixels fall on 774 of 2**14 hashed indices: two in a sum are another model."""
    names = [f"pixel_{number}" for number in range(784)]
    assert len({feature_index(name, 14) for name in names}) < 784
    values = np.random.default_rng(0).random((5, 784))
    rows = pa.RecordBatch.from_arrays([pa.array(column) for column in values.T], names)
    numbers = tuple(Numeric(name, impute="none", scale="none") for name in names)
    for layout in ("csr", "dense"):
        alone = Encoder(numbers, STATISTICS, hash_bits=18, layout=layout, dtype="float64")
        X = alone(rows, labels=False).X
        np.testing.assert_array_equal(X if layout == "dense" else X.toarray(), values)
    with_city = rows.append_column("city", pa.array(list("abcab")))
    encode = Encoder((*numbers, Categorical("city")), STATISTICS, hash_bits=14, dtype="float64")
    X = encode(with_city, labels=False).X
    assert X.shape == (5, (1 << 14) + 784)
    np.testing.assert_array_equal(X[:, 1 << 14 :].toarray(), values)
    assert X[:, : 1 << 14].sum() == 5


def test_an_encoder_stored_before_numbers_had_their_own_indices_encodes_as_before():
    stored = encoder().to_state_dict()
    old = StateDict(stored.arrays, {k: v for k, v in stored.params.items() if k != "numbers_apart"})
    X, now = (Encoder.from_state_dict(each)(record_batch([ROW])).X for each in (old, stored))
    assert X.shape == (1, 1 << BITS)
    expected = now[:, : 1 << BITS].toarray()
    for name, index in NUMBERS.items():
        expected[0, feature_index(name, BITS)] += now[0, index]
    np.testing.assert_allclose(X.toarray(), expected, rtol=1e-6)
    assert Encoder.from_state_dict(old).to_state_dict().params["numbers_apart"] is False


def test_a_dense_layout_of_too_many_columns_is_refused():
    with pytest.raises(ConfigurationError, match="hash_bits of 14 or fewer; got 15"):
        encoder(layout="dense", hash_bits=15)
    many = tuple(Numeric(f"x{n}", impute="none", scale="none") for n in range((1 << 14) + 1))
    with pytest.raises(
        ConfigurationError, match="16,384 numbers and slots of vectors or fewer; got 16,385"
    ):
        Encoder(many, STATISTICS, hash_bits=14, layout="dense")
