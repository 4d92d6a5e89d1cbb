"""The normal and the chi-square law, without scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

_STANDARD = NormalDist()
_STEPS = 500
_TINY = 1e-300
_CLOSE = 1e-14


def quantile(share: float) -> float:
    """The standard normal quantile of `share` in (0, 1)."""
    return _STANDARD.inv_cdf(share)


def student_quantile(share: float, freedom: float) -> float:
    """Student's quantile of a `share` above a half (Hill 1970, CACM algorithm 396); below 2 degrees that of 1."""
    if freedom < 2:  # noqa: PLR2004 - the expansion begins here, and one degree has a closed form
        return math.tan(math.pi * (share - 0.5))
    z = quantile(share)
    a = 1 / (freedom - 0.5)
    b = 48 / (a * a)
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * freedom
    y = (2 * d * (1 - share)) ** (2 / freedom)
    if y > 0.05 + a:
        square = z * z
        c += 0.3 * (freedom - 4.5) * (z + 0.6) if freedom < 5 else 0.0  # noqa: PLR2004 - likewise
        c += (((0.05 * d * z - 5) * z - 7) * z - 2) * z + b
        y = (((((0.4 * square + 6.3) * square + 36) * square + 94.5) / c - square - 3) / b + 1) * z
        y = a * y * y
        y = math.expm1(y) if y > 0.002 else 0.5 * y * y + y  # noqa: PLR2004 - likewise
    else:
        tail = ((freedom + 6) / (freedom * y) - 0.089 * d - 0.822) * (freedom + 2) * 3
        y = ((1 / tail + 0.5 / (freedom + 4)) * y - 1) * (freedom + 1) / (freedom + 2) + 1 / y
    return math.sqrt(freedom * y)


def density(z: float) -> float:
    """The standard normal density."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def upper(z: float) -> float:
    """P(Z > z)."""
    return math.erfc(z / math.sqrt(2)) / 2


def two_sided(z: float) -> float:
    """P(abs(Z) > abs(z))."""
    return math.erfc(abs(z) / math.sqrt(2))


def chi_square_tail(value: float, freedom: int) -> float:
    """P(X > value) of a chi-square with `freedom` degrees: the upper regularised gamma function.

    A series below its peak, a continued fraction above (Abramowitz and Stegun 6.5.29, 6.5.31).
    """
    if value <= 0 or freedom <= 0:
        return 1.0
    shape, x = freedom / 2, value / 2
    scale = math.exp(-x + shape * math.log(x) - math.lgamma(shape))
    return 1 - scale * _series(shape, x) if x < shape + 1 else scale * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for step in range(1, _STEPS):
        term *= x / (shape + step)
        total += term
        if term < total * _CLOSE:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """Lentz's evaluation of the continued fraction."""
    b = x + 1 - shape
    c, d = 1 / _TINY, 1 / b
    found = d
    for step in range(1, _STEPS):
        a = -step * (step - shape)
        b += 2
        d = 1 / (a * d + b or _TINY)
        c = b + a / c or _TINY
        found *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return found
