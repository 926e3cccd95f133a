"""log1p as plain arithmetic: the compiler turns a loop over it into vector instructions.

The libraries' own log1p differ in the last bits from one processor to another. This one gives the
same bits wherever arithmetic follows IEEE 754.
"""

import numpy as np

from petafit.compiled import njit

_LN2_HIGH = 6.93147180369123816490e-01
"""ln 2 to 32 bits, so that its product with an exponent is exact; and what is left of it."""
_LN2_LOW = 1.90821492927058770002e-10

_ONE = np.int64(0x3FF0000000000000)
_ROOT_HALF = np.int64(0x3FE6A09E00000000)
"""1 and about sqrt(1/2), as the bits of a float64."""
_FRACTION = np.int64((1 << 52) - 1)


@njit
def signed_log1p(x: float) -> float:
    """``sgn(x) log(1 + |x|)`` in float64, within 1 unit in the last place.

    ``1 + |x| = 2**k (1 + f)`` with 1 + f between sqrt(1/2) and sqrt(2); then
    ``log(1 + f) = 2 atanh(s)`` with ``s = f / (2 + f)``, whose series needs ten terms. They are
    added in the order of fdlibm's ``s_log1p.c``, which loses least to rounding.
    """
    size = abs(x)
    total = 1.0 + size
    bits = np.float64(total).view(np.int64) + (_ONE - _ROOT_HALF)
    k = (bits >> np.int64(52)) - np.int64(1023)
    f = float(np.int64((bits & _FRACTION) + _ROOT_HALF).view(np.float64)) - 1.0
    lost = (size - (total - 1.0) if k < 2 else 1.0 - (total - size)) / total
    if k == 0:  # nothing is lost where 1 is not added
        f, lost = size, 0.0
    s = f / (2.0 + f)
    half_square = 0.5 * f * f
    rest = half_square - s * (half_square + _atanh_series(s * s))
    logarithm = k * _LN2_HIGH - ((rest - (k * _LN2_LOW + lost)) - f)
    return np.copysign(logarithm if size < np.inf else size, x)


@njit
def _atanh_series(z: float) -> float:
    """``2/3 z + 2/5 z**2 + …``: what ``2 atanh(s) / s`` has above 2, for ``z = s**2 < 0.03``."""
    r = 2 / 19 + z * (2 / 21)
    r = 2 / 15 + z * (2 / 17 + z * r)
    r = 2 / 11 + z * (2 / 13 + z * r)
    r = 2 / 7 + z * (2 / 9 + z * r)
    return z * (2 / 3 + z * (2 / 5 + z * r))
