import math
from collections import Counter
from datetime import datetime
from decimal import Decimal
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ConfigurationError, ContractError
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Cross,
    DatePart,
    Indicator,
    Numeric,
    Text,
)
from petafit.features.profile import Profile
from petafit.store.arrays import StateDict, from_bytes, to_bytes
from tests.features.text.ngrams import l2, n_grams

BITS = 12

TEXTS = (Text("s", "char", (1, 3), lowercase=False), Text("s", norm="none"))
FEATURES = (
    Numeric("x", log1p=True),
    Indicator("x"),
    Numeric("fare", impute="none", scale="minmax"),
    Binned("x", (-1.0, 0.0, 2.5)),
    Categorical("s"),
    Categorical("n"),
    Boolean("b"),
    DatePart("t", "day_of_week"),
    DatePart("t", "hour"),
    *TEXTS,
    Cross((Categorical("s"), Categorical("n"))),
    Cross((Categorical("s"), Binned("x", (-1.0, 0.0, 2.5)), DatePart("t", "hour"))),
    Cross((Boolean("b"), Indicator("x"))),
)
FACTS = TableStatistics(
    rows=10,
    weight=10.0,
    columns={
        "x": ColumnStatistics(8, 2, 0.5, 2.0, -3.0, 4.0),
        "fare": ColumnStatistics(8, 2, 10.0, 5.0, 2.0, 18.0),
    },
    classes=("no", "yes"),
    class_counts=(6, 4),
)
SCHEMA = pa.schema(
    {
        "x": pa.float64(),
        "fare": pa.decimal128(8, 2),
        "s": pa.string(),
        "n": pa.int32(),
        "b": pa.bool_(),
        "t": pa.timestamp("us", "UTC"),
        "y": pa.string(),
        "w": pa.float64(),
    }
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.none() | st.just(math.nan) | st.floats(-1e4, 1e4),
            "fare": st.none() | st.decimals(-9999, 9999, places=2),
            "s": st.none() | st.sampled_from(["", "a", "ä", "東京", "a×b"]) | st.text(max_size=6),
            "n": st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(0, 3),
            "b": st.none() | st.booleans(),
            "t": st.none() | st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),
            "y": st.sampled_from(["no", "yes"]),
            "w": st.floats(0, 3),
        }
    ),
    max_size=12,
)
ROW = {
    "x": 1.5,
    "fare": Decimal("9.50"),
    "s": "a",
    "n": 3,
    "b": True,
    "t": datetime(2013, 1, 7, 5, 6),
    "y": "yes",
    "w": 2.0,
}


NUMBERS = {"x": 1 << BITS, "fare": (1 << BITS) + 1}
"""Their indices, behind those that are hashed."""


def encoder(**options):
    return Encoder(FEATURES, FACTS, **{"hash_bits": BITS, "label": "y", "weight": "w", **options})


def record_batch(rows):
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


def expected_row(row):
    """The entries of a row, feature by feature, from its Python values."""
    missing = row["x"] is None or math.isnan(row["x"])
    log1p = 0.5 if missing else math.copysign(math.log1p(abs(row["x"])), row["x"])
    bin_ = "missing" if missing else str(sum(edge <= row["x"] for edge in (-1.0, 0.0, 2.5)))
    hour = None if row["t"] is None else str(row["t"].hour)
    number = None if row["n"] is None else str(row["n"])
    boolean = None if row["b"] is None else str(row["b"]).lower()
    named = {
        "x": (log1p - 0.5) / 2.0,
        "fare": None if row["fare"] is None else (float(row["fare"]) - 2.0) / 16.0,
    }
    categories = {
        "x_missing": "true" if missing else None,
        "x_bin": bin_,
        "s": row["s"],
        "n": number,
        "b": boolean,
        "t_day_of_week": None if row["t"] is None else str(row["t"].weekday()),
        "t_hour": hour,
    }
    for parts in (("s", "n"), ("s", "x_bin", "t_hour"), ("b", "x_missing")):
        texts = [categories[part] for part in parts]
        categories["×".join(parts)] = None if None in texts else "×".join(texts)
    named.update({f"{name}={text}": 1.0 for name, text in categories.items() if text is not None})
    vector = np.zeros((1 << BITS) + 2)
    for name, value in named.items():
        if value is not None:
            vector[NUMBERS[name] if name in NUMBERS else feature_index(name, BITS)] += value
    for text in TEXTS:  # n-grams that meet at an index are one before the length is taken
        grams = (feature_index(f"{text.name}={gram}", BITS) for gram in n_grams(text, row["s"]))
        counts = Counter(grams)
        length = l2(counts) if text.norm == "l2" else 1.0
        for index, count in counts.items():
            vector[index] += count / length
    return vector


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

    encode = Encoder((Categorical("s"),), FACTS, hash_bits=20)
    found = np.concatenate([encode(batch).X.indices for batch in batches])
    expected = [
        feature_index(f"s={value}", 20) for value in table["s"].to_pylist() if value is not None
    ]
    assert found.tolist() == expected


def test_a_dense_layout_sums_what_collides():
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
    assert again.statistics == FACTS
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


def test_numbers_never_collide():
    """784 pixels fall on 774 of 2**14 hashed indices: two in a sum are another model."""
    names = [f"pixel_{number}" for number in range(784)]
    assert len({feature_index(name, 14) for name in names}) < 784
    values = np.random.default_rng(0).random((5, 784))
    rows = pa.RecordBatch.from_arrays([pa.array(column) for column in values.T], names)
    numbers = tuple(Numeric(name, impute="none", scale="none") for name in names)
    for layout in ("csr", "dense"):
        alone = Encoder(numbers, FACTS, hash_bits=18, layout=layout, dtype="float64")
        X = alone(rows, labels=False).X
        np.testing.assert_array_equal(X if layout == "dense" else X.toarray(), values)
    with_city = rows.append_column("city", pa.array(list("abcab")))
    encode = Encoder((*numbers, Categorical("city")), FACTS, hash_bits=14, dtype="float64")
    X = encode(with_city, labels=False).X
    assert X.shape == (5, (1 << 14) + 784)
    np.testing.assert_array_equal(X[:, 1 << 14 :].toarray(), values)
    assert X[:, : 1 << 14].sum() == 5


def test_an_encoder_stored_before_numbers_had_indices_of_their_own_encodes_as_then():
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
    with pytest.raises(ConfigurationError, match="16,384 numeric columns or fewer; got 16,385"):
        Encoder(many, FACTS, hash_bits=14, layout="dense")


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
