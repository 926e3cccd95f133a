"""Logarithms in plain arithmetic, so that the compiler can vectorise loops over them.

Library implementations differ in the last bits between processors. These give the same bits
wherever arithmetic follows IEEE 754.
"""

import numpy as np

from petafit.compiled import njit

_LN2_HIGH = 6.93147180369123816490e-01
"""ln 2 to 32 bits, so that its product with an exponent is exact; and the remainder."""
_LN2_LOW = 1.90821492927058770002e-10

_ONE = np.int64(0x3FF0000000000000)
_ROOT_HALF = np.int64(0x3FE6A09E00000000)
"""1 and about sqrt(1/2), as the bits of a float64."""
_FRACTION = np.int64((1 << 52) - 1)


@njit
def logarithm(x: float) -> float:
    """Return ``log(x)`` in float64, within 1 unit in the last place; for 0, a number below -700.

    Parameters
    ----------
    x : float
        0 or more, and finite.
    """
    k, f = _parts(x)
    return _logarithm(k, f, 0.0)


@njit
def signed_log1p(x: float) -> float:
    """Return ``sgn(x) log(1 + |x|)`` in float64, within 1 unit in the last place."""
    size = abs(x)
    total = 1.0 + size
    k, f = _parts(total)
    lost = (size - (total - 1.0) if k < 2 else 1.0 - (total - size)) / total
    if k == 0:  # without adding 1 there is no rounding error to correct
        f, lost = size, 0.0
    return np.copysign(_logarithm(k, f, lost) if size < np.inf else size, x)


@njit
def _parts(x: float) -> tuple[int, float]:
    """Return k and f of ``x = 2**k (1 + f)``, with 1 + f between sqrt(1/2) and sqrt(2)."""
    bits = np.float64(x).view(np.int64) + (_ONE - _ROOT_HALF)
    k = (bits >> np.int64(52)) - np.int64(1023)
    return int(k), float(np.int64((bits & _FRACTION) + _ROOT_HALF).view(np.float64)) - 1.0


@njit
def _logarithm(k: int, f: float, lost: float) -> float:
    """Return ``k log(2) + log(1 + f) + lost``.

    ``log(1 + f) = 2 atanh(s)`` with ``s = f / (2 + f)``, whose series needs ten terms. They are
    added in the order of fdlibm's ``s_log1p.c``, which has the least rounding error.
    """
    s = f / (2.0 + f)
    half_square = 0.5 * f * f
    rest = half_square - s * (half_square + _atanh_series(s * s))
    return k * _LN2_HIGH - ((rest - (k * _LN2_LOW + lost)) - f)


@njit
def _atanh_series(z: float) -> float:
    """Return ``2/3 z + 2/5 z**2 + …``: ``2 atanh(s) / s - 2``, for ``z = s**2 < 0.03``."""
    r = 2 / 19 + z * (2 / 21)
    r = 2 / 15 + z * (2 / 17 + z * r)
    r = 2 / 11 + z * (2 / 13 + z * r)
    r = 2 / 7 + z * (2 / 9 + z * r)
    return z * (2 / 3 + z * (2 / 5 + z * r))
