"""Priority samples: bounded, the same whatever the order of merging, and unbiased."""

from functools import partial, reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.learners.sklearn.merging.clusters import joined, rows_and_weights, sample
from petafit.store.arrays import StateDict


def samples(seed: int, count: int, rows: int = 20) -> list[StateDict]:
    random = np.random.default_rng(seed)
    return [sample(random.normal(size=(rows, 2)), random.uniform(1, 9, rows)) for _ in range(count)]


@given(seed=st.integers(0, 2**32 - 1), limit=st.integers(1, 70))
def test_any_order_keeps_the_same_rows(seed: int, limit: int) -> None:
    parts = samples(seed, 3)
    join = partial(joined, numbers=2 * limit)
    left = join(join(parts[0], parts[1]), parts[2])
    right = join(parts[2], join(parts[1], parts[0]))
    assert left == right
    assert len(left.arrays["rows"]) == min(limit, 60)


def test_nothing_goes_below_the_limit() -> None:
    parts = samples(0, 3)
    rows, weights = rows_and_weights(reduce(joined, parts))
    assert len(rows) == 60
    assert weights.sum() == pytest.approx(sum(part.arrays["weight"].sum() for part in parts))


def test_weights_of_a_sample_stand_for_all() -> None:
    """100 samples of 400 rows of 2,000: their mean total is within 3 standard errors."""
    errors = []
    for seed in range(100):
        parts = samples(seed, 10, rows=200)
        total = sum(part.arrays["weight"].sum() for part in parts)
        rows, weights = rows_and_weights(reduce(partial(joined, numbers=800), parts))
        assert len(rows) == 400
        errors.append(weights.sum() / total - 1)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / 10
    assert np.std(errors) < 0.05
