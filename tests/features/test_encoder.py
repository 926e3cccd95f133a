"""Encoding of batches to feature matrices, against vectors made row by row in Python."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ContractError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import (
    Categorical,
    Numeric,
)
from petafit.features.profile import Profile
from petafit.store.arrays import from_bytes, to_bytes
from tests.features.rows import (
    BITS,
    FEATURES,
    ROW,
    ROWS,
    SCHEMA,
    STATISTICS,
    encoder,
    expected_row,
    record_batch,
)


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_every_kind_of_feature_row_by_row(rows):
    batch = encoder()(record_batch(rows))
    expected = np.array([expected_row(row) for row in rows]).reshape(-1, (1 << BITS) + 2)
    np.testing.assert_allclose(batch.X.toarray(), expected, rtol=1e-6, atol=1e-6)
    assert batch.y.tolist() == [float(row["y"] == "yes") for row in rows]
    assert batch.weight.tolist() == [row["w"] for row in rows]


@settings(deadline=None, max_examples=30)
@given(ROWS, st.data())
def test_slices_and_chunks_change_nothing(rows, data):
    encode, whole = encoder(), record_batch(rows)
    expected = encode(whole)
    start = 0
    while start < len(rows):
        size = data.draw(st.integers(1, 5))
        part = encode(whole.slice(start, size))
        np.testing.assert_array_equal(part.X.toarray(), expected.X[start : start + size].toarray())
        assert part.y.tolist() == expected.y[start : start + size].tolist()
        start += size


@settings(deadline=None, max_examples=30)
@given(ROWS)
def test_types_that_hold_the_same_values_give_the_same_bytes(rows):
    batch = record_batch(rows)
    again = batch.cast(
        SCHEMA.set(2, pa.field("s", pa.dictionary(pa.int32(), pa.string())))
        .set(3, pa.field("n", pa.int64()))
        .set(5, pa.field("t", pa.timestamp("us")))
        .set(6, pa.field("y", pa.large_string()))
    )
    left, right = encoder()(batch), encoder()(again)
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(left.X, name), getattr(right.X, name))
    assert left.y.tolist() == right.y.tolist()


def test_dictionaries_that_grow_within_a_row_group(tmp_path):
    """A small limit for dictionary pages makes the reader's dictionaries grow batch by batch."""
    rng = np.random.default_rng(0)
    values = [f"value {v}" for v in rng.zipf(1.3, 6000) % 2000]
    table = pa.table({"s": pa.array(values, mask=rng.random(6000) < 0.1)})
    pq.write_table(table, tmp_path / "t.parquet", dictionary_pagesize_limit=2000)
    file = pq.ParquetFile(tmp_path / "t.parquet", read_dictionary=["s"])
    batches = list(file.iter_batches(500))
    sizes = [len(batch.column("s").dictionary) for batch in batches]
    assert sizes[0] < sizes[-1]

    encode = Encoder((Categorical("s"),), STATISTICS, hash_bits=20)
    found = np.concatenate([encode(batch).X.indices for batch in batches])
    expected = [
        feature_index(f"s={value}", 20) for value in table["s"].to_pylist() if value is not None
    ]
    assert found.tolist() == expected


def test_without_labels_neither_label_nor_weight_is_needed():
    batch = encoder()(record_batch([ROW]).drop_columns(["y", "w"]), labels=False)
    assert batch.y is None
    assert batch.weight is None


def test_a_number_to_predict():
    statistics = TableStatistics(rows=2, weight=2.0, columns={})
    encode = Encoder((Categorical("s"),), statistics, hash_bits=4, label="n")
    assert encode(record_batch([ROW])).y.tolist() == [3.0]


def test_a_stored_encoder_encodes_alike():
    stored = from_bytes(to_bytes(encoder().to_state_dict().prefixed("encoder")))
    again = Encoder.from_state_dict(stored.part("encoder"), layout="dense")
    assert again.features == FEATURES
    assert again.statistics == STATISTICS
    assert again.layout == "dense"
    rows = record_batch([ROW])
    np.testing.assert_array_equal(again(rows).X, encoder()(rows).X.toarray())
    assert again(rows).y.tolist() == [1.0]


def test_from_a_profile_to_standardised_columns():
    rng = np.random.default_rng(1)
    columns = {"x": rng.normal(50, 9, 400), "fare": rng.random(400), "y": rng.integers(0, 2, 400)}
    batches = pa.table(columns).to_batches(max_chunksize=90)
    features = (Numeric("x"), Numeric("fare"))
    profile = Profile(features, label="y", kind="classes")
    statistics = profile.finish(profile.lift(reduce(profile.reduce, batches, profile.start())))
    encode = Encoder(features, statistics, hash_bits=10, label="y", layout="dense", dtype="float64")
    X = np.concatenate([encode(batch).X for batch in batches])
    assert X.shape == (400, 2)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.rename_columns(["xx", *b.schema.names[1:]]), "'x' is missing.*mean 'xx'"),
        (lambda b: b.rename_columns([*b.schema.names[:-2], "z", "w"]), "'y' is missing"),
        (lambda b: b.drop_columns(["w"]), "'w' is missing"),
        (
            lambda b: b.set_column(3, "n", pa.array([1.0])),
            "'n' cannot be made from the column 'n'; expected a string, integer or boolean; got",
        ),
        (lambda b: b.set_column(0, "x", pa.array(["1"])), "expected a number; got string"),
        (lambda b: b.set_column(6, "y", pa.array(["maybe"])), "no known class"),
        (lambda b: b.set_column(6, "y", pa.array([None], pa.string())), "'y' is missing in 1"),
    ],
)
def test_batches_that_do_not_fit_are_refused(change, message):
    encode, batch = encoder(), record_batch([ROW])
    encode(batch)
    with pytest.raises(ContractError, match=message):
        encode(change(batch))
