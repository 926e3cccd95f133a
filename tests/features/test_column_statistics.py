import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from petafit.features.column_statistics import ColumnMoments
from petafit.store.arrays import to_bytes

VALUES = st.lists(st.just(float("nan")) | st.floats(-1e6, 1e6), max_size=30).map(np.array)


def of(*columns):
    return ColumnMoments.of([np.asarray(column, np.float64) for column in columns])


@given(VALUES, VALUES)
def test_merging_equals_the_union(left, right):
    merged, union = of(left).merge(of(right)), of(np.concatenate([left, right]))
    assert merged.count == union.count
    assert merged.missing == union.missing
    assert merged.minimum == union.minimum
    assert merged.maximum == union.maximum
    np.testing.assert_allclose(merged.mean, union.mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(merged.squares, union.squares, rtol=1e-9, atol=1e-3)


@given(VALUES, VALUES)
def test_nothing_changes_nothing(left, right):
    values = of(left, right)
    nothing = ColumnMoments.empty(2)
    for merged in (values.merge(nothing), nothing.merge(values)):
        assert to_bytes(merged.to_state_dict()) == to_bytes(values.to_state_dict())


def test_large_means_keep_their_spread():
    values = np.random.default_rng(0).normal(1e8, 1, 10_000)
    merged = ColumnMoments.empty(1)
    for part in np.array_split(values, 37):
        merged = merged.merge(of(part))
    (statistics,) = merged.statistics()
    reference = StandardScaler().fit(values[:, None])
    assert statistics.mean == pytest.approx(reference.mean_[0], rel=1e-14)
    assert statistics.sd == pytest.approx(reference.scale_[0], rel=1e-9)


@settings(max_examples=30)
@given(st.floats(-1e9, 1e9), st.integers(1, 50))
def test_a_constant_has_no_spread_whatever_the_rounding(value, parts):
    merged = ColumnMoments.empty(1)
    for size in range(1, parts):
        merged = merged.merge(of(np.full(size, value)))
    (statistics,) = merged.merge(of([value])).statistics()
    assert statistics.sd == 0


def test_without_values_everything_is_zero():
    (statistics,) = of([np.nan, np.nan]).statistics()
    assert (statistics.count, statistics.missing) == (0, 2)
    assert (statistics.mean, statistics.sd, statistics.minimum, statistics.maximum) == (0, 0, 0, 0)


def test_named_arrays_bring_the_moments_back():
    moments = of([1.0, np.nan], [2.0, 3.0])
    assert (
        ColumnMoments.from_state_dict(moments.to_state_dict()).to_state_dict()
        == moments.to_state_dict()
    )
