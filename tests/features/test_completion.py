import numpy as np
import pyarrow as pa
import pytest

from petafit.features.completion import completed
from petafit.features.encoder import Encoder
from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Cross,
    Indicator,
    IndicatorIfTelling,
    Numeric,
    QuantileBinned,
)
from petafit.features.profile import Profile

ROWS = 10_000


def rows(missing: int) -> pa.RecordBatch:
    values = np.arange(ROWS, dtype=float)
    values[:missing] = np.nan
    return pa.record_batch({"x": pa.array(values, from_pandas=True), "b": [True] * ROWS})


def statistics_of(features, batch):
    profile = Profile(features)
    return profile.finish(profile.reduce(profile.start(), batch))


@pytest.mark.parametrize(
    ("missing", "kept"),
    [(0, False), (9, False), (10, True), (5000, True), (9990, True), (9991, False), (ROWS, False)],
)
@pytest.mark.parametrize("scale", ["standard", "none"])
def test_an_indicator_is_kept_where_both_are_frequent(missing, kept, scale):
    features = (Numeric("x", impute=0.0, scale=scale), IndicatorIfTelling("x"))
    batch = rows(missing)
    encoder = Encoder(features, statistics_of(features, batch), hash_bits=8)
    assert encoder.features == (features[0], Indicator("x"))[: 1 + kept]
    index = feature_index("x_missing=true", 8)
    found = encoder(batch, labels=False).X.tocsc()[:, [index]].sum() if kept else 0
    assert found == (missing if kept else 0)
    stored = Encoder.from_state_dict(encoder.to_state_dict(), labelled=False)
    assert stored.features == encoder.features


def test_crosses_are_completed_and_keep_their_parts():
    features = (
        Categorical("x_bin"),
        QuantileBinned("x", 4),
        Cross((QuantileBinned("x", 4), Boolean("b"))),
        Cross((IndicatorIfTelling("x"), Boolean("b"))),
    )
    edges = statistics_of((*features[1:], Numeric("x")), rows(0)).edges["x_bin"]
    assert edges == pytest.approx((2500.0, 5000.0, 7500.0), abs=8)
    statistics = statistics_of((*features[1:], Numeric("x")), rows(0))
    assert completed(features, statistics) == (
        Categorical("x_bin"),
        Binned("x", edges),
        Cross((Binned("x", edges), Boolean("b"))),
        Cross((Indicator("x"), Boolean("b"))),
    )
