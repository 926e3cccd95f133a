import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from petafit.errors import StorageError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.stored import check_stored
from petafit.features.feature import Categorical, Cyclic

NOTHING = TableStatistics(rows=None, weight=None, columns={})
CYCLES = {
    "month": lambda t: (t.month - 1) / 12,
    "day": lambda t: (t.day - 1) / 31,
    "day_of_week": lambda t: t.weekday() / 7,
    "hour": lambda t: t.hour / 24,
    "minute": lambda t: t.minute / 60,
}


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("ms", "Asia/Tokyo")])
def test_parts_are_on_a_circle(kind):
    moments = [datetime(1950, 1, 31, tzinfo=UTC) + timedelta(hours=777 * n) for n in range(1500)]
    column = pa.array([None, *moments], pa.timestamp("us", "UTC")).cast(pa.int64())
    batch = pa.record_batch(
        {"t": column.cast(pa.timestamp("us")).cast(kind), "s": ["x"] * len(column)}
    )
    features = tuple(Cyclic("t", part, wave) for part in CYCLES for wave in ("sin", "cos"))
    made = Encoder((*features, Categorical("s")), NOTHING, hash_bits=4, dtype="float64")
    assert made.space.names[:2] == ("t_month_sin", "t_month_cos")
    X = made(batch, labels=False).X.toarray()[:, made.space.numbers]
    assert (X[0] == 0).all()
    angles = np.array([[2 * math.pi * turn(t) for turn in CYCLES.values()] for t in moments])
    np.testing.assert_allclose(X[1:, 0::2], np.sin(angles), atol=1e-15)
    np.testing.assert_allclose(X[1:, 1::2], np.cos(angles), atol=1e-15)


def test_a_column_of_nulls_gives_nothing():
    batch = pa.record_batch({"t": pa.nulls(3, pa.timestamp("us"))})
    made = Encoder((Cyclic("t", "hour", "sin"),), NOTHING, hash_bits=4)
    assert made(batch, labels=False).X.nnz == 0


def test_years_are_refused_in_a_stored_model():
    others = {"hash_bits": 4, "label": None, "weight": None, "numbers_apart": True}
    for part, fine in (("year", False), ("month", True)):
        features = (Cyclic("t", part, "sin"),)
        if fine:
            check_stored(features, NOTHING, **others, unicode=None, labelled=False)
            continue
        with pytest.raises(StorageError, match="a part that recurs"):
            check_stored(features, NOTHING, **others, unicode=None, labelled=False)
