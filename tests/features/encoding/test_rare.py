"""Rare values as one category, against counts by collections."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.features.encoder import Encoder
from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import Boolean, Cross, Frequent
from petafit.features.profile import Profile
from petafit.store.arrays import from_bytes, to_bytes

BITS = 20
CITY = Frequent("city", 3)
FEATURES = (CITY, Cross((CITY, Boolean("b"))))
VALUES = st.lists(st.sampled_from(["a", "b", "c", "", "(rare)"]) | st.none(), max_size=25)


def rows(values, kind, weight=None):
    arrays = {
        "city": pa.array(values, pa.string()).cast(kind),
        "b": pa.array([True] * len(values), pa.bool_()),
    }
    return pa.record_batch({**arrays, "w": pa.array(weight or [1.0] * len(values), pa.float64())})


def encoder(*batches, form=None):
    profile = Profile(FEATURES, weight="w", unicode=form)
    state = profile.start()
    for batch in batches:
        state = profile.reduce(state, batch)
    return Encoder(FEATURES, profile.finish(state), hash_bits=BITS, unicode=form)


def indices(made, batch):
    X = made(batch, labels=False).X
    return [X.indices[a:b].tolist() for a, b in zip(X.indptr[:-1], X.indptr[1:], strict=True)]


def expected(values, kept):
    """Both indices of each row."""
    texts = [None if v is None else v if v in kept else "(rare)" for v in values]
    return [
        []
        if text is None
        else [feature_index(f"city={text}", BITS), feature_index(f"city×b={text}×true", BITS)]
        for text in texts
    ]


@settings(max_examples=50, deadline=None)
@given(parts=st.lists(VALUES, min_size=1, max_size=3), new=VALUES)
@pytest.mark.parametrize("kind", [pa.string(), pa.dictionary(pa.int32(), pa.string())])
def test_values_of_fewer_rows_and_unseen_ones_are_one_category(kind, parts, new):
    seen = [value for part in parts for value in part]
    if not seen:
        return
    kept = {value for value, rows in Counter(seen).items() if rows >= 3 and value is not None}
    made = encoder(*(rows(part, kind) for part in parts))
    new = [*new, "never seen", None]
    for values in (*parts, new):
        assert indices(made, rows(values, kind)) == expected(values, kept)
    stored = Encoder.from_state_dict(from_bytes(to_bytes(made.to_state_dict())), labelled=False)
    assert indices(stored, rows(new, kind)) == expected(new, kept)


def test_weights_count_as_rows():
    values = ["a", "a", "b", "b", "b", "c"]
    made = encoder(rows(values, pa.string(), [1.0, 1.0, 0.5, 0.5, 0.5, 3.0]))
    assert indices(made, rows(values, pa.string())) == expected(values, {"c"})


def test_forms_of_a_text_are_counted_together():
    values = ["e\u0301", "\u00e9", "\u00e9", "x"]
    made = encoder(rows(values, pa.string()), form="NFC")
    normal = ["\u00e9"] * 3 + ["x"]
    assert indices(made, rows(values, pa.string())) == expected(normal, {"\u00e9"})


def test_whole_numbers_are_categories_too():
    batch = pa.record_batch({"city": np.array([7, 7, 7, 8]), "b": [True] * 4, "w": np.ones(4)})
    assert indices(encoder(batch), batch) == expected(["7", "7", "7", "8"], {"7"})
