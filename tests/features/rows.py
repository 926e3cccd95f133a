"""Features of every kind, rows that have them, and the vectors these rows become."""

import math
from collections import Counter
from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

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
STATISTICS = TableStatistics(
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
"""Indices of the numbers, behind those that are hashed."""


def encoder(**options):
    return Encoder(
        FEATURES, STATISTICS, **{"hash_bits": BITS, "label": "y", "weight": "w", **options}
    )


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
