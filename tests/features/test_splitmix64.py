"""SplitMix64 against its published numbers."""

import numpy as np

from petafit.features.splitmix64 import splitmix64


def test_splitmix64_gives_the_published_sequence() -> None:
    """The first three numbers of Vigna's splitmix64.c with seed 1234567."""
    golden = 0x9E3779B97F4A7C15
    keys = np.array([(1234567 + i * golden) % 2**64 for i in range(3)], dtype=np.uint64)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert splitmix64(keys).tolist() == expected
