"""Plain JSON: numpy's values, dates, and what JSON has no form for."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from petafit.errors import StorageError
from petafit.store.plain import to_json


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1, 2]]), [[1, 2]]),
        ((1, 2), [1, 2]),
        ({1: {"a": None}}, {"1": {"a": None}}),
        (float("nan"), None),
        ([np.inf, -np.inf, np.float32("nan")], [None, None, None]),
        (date(2013, 1, 2), "2013-01-02"),
        (datetime(2013, 1, 2, 3, tzinfo=UTC), "2013-01-02T03:00:00+00:00"),
    ],
)
def test_values_become_plain(value, plain):
    assert json.loads(to_json(value)) == plain


def test_other_values_are_refused():
    with pytest.raises(StorageError, match=r"JSON; got \{1\} \(set\)"):
        to_json({"x": {1}})
