"""SplitMix64: a number of 64 bits from each counter, the same on every machine and version."""

import numpy as np

STEP = np.uint64(0x9E3779B97F4A7C15)
"""The increment of the generator's counter."""


def splitmix64(counters: np.ndarray) -> np.ndarray:
    """Return the numbers that follow some counters, (n,) uint64.

    The generator of Steele, Lea and Flood (Fast splittable pseudorandom number generators, OOPSLA
    2014): the counter advances by `STEP`, and its bits are mixed.

    Examples
    --------
    >>> hex(splitmix64(np.zeros(1, dtype=np.uint64))[0])
    '0xe220a8397b1dcdaf'
    """
    mixed = counters + STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
