"""Mixing functions against their published values and exact arithmetic."""

import numpy as np
from scipy.stats import kstest

from petafit.datasets.click_columns import hexadecimal, normals, permute32


def test_permute32_keeps_keys_apart() -> None:
    assert len(np.unique(permute32(np.arange(1 << 20)))) == 1 << 20
    assert permute32(np.array([1])).tolist() == [0x514E28B7]  # murmur3's fmix32 of 1


def test_normals_are_normal_and_streams_independent() -> None:
    keys = np.arange(100_000, dtype=np.uint64)
    first, second = normals(keys, stream=1), normals(keys, stream=2)
    assert kstest(first, "norm").statistic < 0.02
    assert abs(first.std() - 1) < 0.01
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01


def test_hexadecimal_text() -> None:
    values = np.random.default_rng(0).integers(0, 2**32, 1_000, dtype=np.uint32)
    assert hexadecimal(values).to_pylist() == [f"{value:08x}" for value in values]
    assert hexadecimal(values[:0]).to_pylist() == []
