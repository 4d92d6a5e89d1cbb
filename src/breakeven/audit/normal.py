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
