import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.features.buffers import slots_of, valid_bit


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int32(), pa.uint64(), pa.float32()])
@given(
    values=st.lists(st.none() | st.integers(0, 100), max_size=40),
    start=st.integers(0, 20),
    length=st.integers(0, 40),
)
def test_slots_are_the_values_and_which_of_them_count(kind, values, start, length):
    array = pa.array(values, kind).slice(min(start, len(values)), length)
    slots = slots_of(array)
    assert slots.values.dtype == kind.to_pandas_dtype()
    assert not slots.values.flags.writeable
    valid = [
        not slots.validity.size or valid_bit(slots.validity, slots.first + i)
        for i in range(len(array))
    ]
    found = [value if ok else None for value, ok in zip(slots.values.tolist(), valid, strict=True)]
    assert found == array.to_pylist()


def test_nothing_is_copied():
    values = np.arange(10, dtype=np.int64)
    assert np.shares_memory(slots_of(pa.array(values)[2:5]).values, values)


def test_a_bitmap_without_nulls_is_left_out():
    assert not slots_of(pa.array([None, 1, 2])[1:]).validity.size
