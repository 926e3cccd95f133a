from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.features.column_statistics import ColumnStatistics
from petafit.features.encoding.numeric import Scaling, numbers, raw_values
from petafit.features.feature import Numeric

FACTS = ColumnStatistics(count=4, missing=1, mean=3.0, sd=2.0, minimum=1.0, maximum=6.0)
CONSTANT = ColumnStatistics(count=4, missing=0, mean=7.0, sd=0.0, minimum=7.0, maximum=7.0)


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.float64()])
def test_numbers_of_every_type_and_slice(kind):
    column = pa.array([9, None, 1, None, 0, 5, 9]).cast(kind)[1:6]
    np.testing.assert_array_equal(numbers(column), [np.nan, 1, np.nan, 0, 5])
    assert np.isnan(numbers(pa.nulls(2, kind))).all()
    assert numbers(column[:0]).size == 0


def test_integers_beyond_the_floats_precision_are_rounded_not_refused():
    assert numbers(pa.array([2**53 + 1, 2**63 - 1])).tolist() == [2.0**53, 2.0**63]


@given(st.lists(st.none() | st.integers(0, 4095), min_size=1), st.integers(4096, 2**40))
def test_the_encoding_of_a_count_does_not_depend_on_its_batch(counts, large):
    scaling = Scaling(shift=1.1, divisor=0.7, fill=np.nan, log1p=True)
    alone = scaling.values(pa.array(counts, pa.int64()))
    for other in (large, -1):
        together = scaling.values(pa.array([*counts, other], pa.int64()))
        np.testing.assert_array_equal(together[:-1], alone)


@given(st.lists(st.decimals(-(10**12), 10**12, places=6), max_size=8))
def test_decimals_are_rounded_correctly(values):
    column = pa.array([Decimal(1), *values], pa.decimal128(38, 6))[1:]
    assert numbers(column).tolist() == [float(value) for value in values]


def test_nan_is_missing_like_null():
    feature = Numeric("x", impute="none", scale="none")
    values = raw_values(feature, pa.array([float("nan"), None, 2.0]))
    assert np.isnan(values).tolist() == [True, True, False]


@given(st.floats(-1e300, 1e300))
def test_log1p_keeps_the_sign(value):
    found = raw_values(Numeric("x", log1p=True), pa.array([value]))
    np.testing.assert_allclose(found, np.sign(value) * np.log1p(abs(value)), rtol=1e-14)


@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 5000), max_size=30))
def test_logarithms_of_counts_are_those_of_numbers_to_the_bit(values):
    feature = Numeric("x", log1p=True)
    for kind in (pa.int32(), pa.int64()):
        found = raw_values(feature, pa.array([None, *values], kind)[1:])
        np.testing.assert_array_equal(found, raw_values(feature, pa.array(values, pa.float64())))
    unsigned = [value for value in values if value is None or value >= 0]
    found = raw_values(feature, pa.array(unsigned, pa.uint64()))
    np.testing.assert_array_equal(found, raw_values(feature, pa.array(unsigned, pa.float64())))


@pytest.mark.parametrize(
    ("options", "statistics", "expected"),
    [
        ({"scale": "standard"}, FACTS, [-1.0, 0.0, 1.5]),
        ({"scale": "minmax"}, FACTS, [0.0, 0.4, 1.0]),
        ({"scale": "none"}, FACTS, [1.0, 3.0, 6.0]),
        ({"impute": 5, "scale": "standard"}, FACTS, [-1.0, 1.0, 1.5]),
        ({"impute": 5, "scale": "minmax"}, FACTS, [0.0, 0.8, 1.0]),
        ({"impute": 5, "scale": "none"}, FACTS, [1.0, 5.0, 6.0]),
        ({"impute": "none", "scale": "standard"}, FACTS, [-1.0, np.nan, 1.5]),
        ({"scale": "standard"}, CONSTANT, [-6.0, 0.0, -1.0]),
        ({"scale": "minmax"}, CONSTANT, [-6.0, 0.0, -1.0]),
    ],
)
def test_scaling_and_imputation(options, statistics, expected):
    feature = Numeric("x", **options)
    values = Scaling.of(feature, statistics).values(pa.array([1, None, 6]))
    np.testing.assert_allclose(values, expected)


def test_a_constant_column_becomes_zero():
    for scale in ("standard", "minmax"):
        scaling = Scaling.of(Numeric("x", scale=scale), CONSTANT)
        assert scaling.values(pa.array([7.0, None, np.nan])).tolist() == [0, 0, 0]


def test_a_constant_that_stands_for_missing_is_given_in_the_columns_unit():
    feature = Numeric("x", impute=np.e - 1, log1p=True, scale="standard")
    values = Scaling.of(feature, FACTS).values(pa.array([None], pa.float64()))
    np.testing.assert_allclose(values, [(1.0 - 3.0) / 2.0])


@given(
    st.lists(st.none() | st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=30), st.booleans()
)
def test_scaled_values_are_computed_in_float64_whatever_they_are_written_as(values, log1p):
    feature = Numeric("x", log1p=log1p)
    column, scaling = pa.array([None, *values], pa.float64())[1:], Scaling.of(feature, FACTS)
    expected = (raw_values(feature, column) - FACTS.mean) / FACTS.sd
    expected[np.isnan(expected)] = 0.0
    for dtype in (np.float64, np.float32):
        out = np.empty(len(column), dtype)
        scaling.write(column, out)
        np.testing.assert_array_equal(out, expected.astype(dtype))
