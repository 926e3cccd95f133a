import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from petafit.features.encoding.logarithms import logarithm, signed_log1p

ROOT_2 = math.sqrt(2)


@given(st.floats(0, allow_nan=False, allow_infinity=False) | st.floats(0, 5))
@example(ROOT_2 - 1)
@example(np.nextafter(ROOT_2 - 1, 0))
@example(0.4142130)
@example(ROOT_2)
@example(2.0**53)
@example(2.0**53 - 1)
@example(5e-324)
@example(np.finfo(float).max)
def test_it_is_the_logarithm_to_one_unit_in_the_last_place(size):
    exact = np.log1p(np.longdouble(size))
    for x in (size, -size):
        error = abs(signed_log1p(x) - math.copysign(1, x) * exact)
        assert error <= np.spacing(float(exact))


@given(st.floats(np.finfo(float).tiny, allow_infinity=False) | st.floats(1e-9, 2))
@example(ROOT_2)
@example(1 / ROOT_2)
@example(1.0)
@example(np.nextafter(1, 0))
def test_a_logarithm_is_right_to_one_unit_in_the_last_place(x):
    exact = np.log(np.longdouble(x))
    assert abs(logarithm(x) - exact) <= np.spacing(abs(float(exact)))


def test_the_logarithm_of_nothing_is_very_low():
    assert -800 < logarithm(0.0) < -700


@pytest.mark.parametrize("x", [0.0, -0.0, math.inf, -math.inf])
def test_values_that_are_their_own_logarithm(x):
    assert math.copysign(1, signed_log1p(x)) == math.copysign(1, x)
    assert signed_log1p(x) == x


def test_not_a_number_stays_none():
    assert math.isnan(signed_log1p(math.nan))


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40))
def test_larger_values_have_no_smaller_logarithm(values):
    found = [signed_log1p(float(value)) for value in sorted(values)]
    assert found == sorted(found)
